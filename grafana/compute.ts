/** Where images exit, what is saved against the static choice, and what it costs in money and energy. */

import { TextBoxVariableBuilder } from '@grafana/grafana-foundation-sdk/dashboard';
import { bars, board, EXIT, figure, GATEWAY, lines, SERVICE } from './panels.js';

const RATE = '[$__rate_interval]';
const BY_EXIT = 'cascade, backbone, width, resolution, exit';
const total = (name: string, matchers: string, by = '') => `sum${by}(rate(${name}{${matchers}}${RATE}))`;
const answers = total('sluice_requests_total', `${GATEWAY},code="200"`);
const cores = `(${total('sluice_lane_cpu_seconds_total', GATEWAY)} + ${total('process_cpu_seconds_total', GATEWAY)})`;
const saved = (by = '') =>
  `1 - ${total('sluice_macs_total', SERVICE, by)} / ${total('sluice_full_macs_total', SERVICE, by)}`;
/** Of 1,000 images, at `price` for an hour of a core. */
const moneyOf = (busyCores: string, images: string) => `1000 * $price / 3600 * ${busyCores} / ${images}`;
const BY_SERVICE = ' by (cascade, policy) ';

export const compute = board({
  uid: 'compute',
  title: 'compute',
  about: 'Where images exit, what that saves against the static choice, and what images cost.',
  variables: [
    new TextBoxVariableBuilder('price')
      .label('price of a core-hour')
      .description('In your currency.')
      .defaultValue('0.04')
      .current({ text: '0.04', value: '0.04', selected: true }),
  ],
  rows: [
    {
      title: 'Now',
      panels: [
        figure({
          title: 'Compute saved',
          about: 'Of the multiply-accumulates that the static choice (last rung, last exit) would have spent.',
          unit: 'percentunit',
          queries: [[saved(), '']],
        }),
        figure({
          title: 'Multiply-accumulates an image',
          about: 'Mean of all answers.',
          unit: 'short',
          queries: [
            [`${total('sluice_macs_total', SERVICE)} / ${total('sluice_requests_total', `${SERVICE},code="200"`)}`, ''],
          ],
        }),
        figure({
          title: 'Early answers',
          about: 'Share of answers that an exit was sure enough of.',
          unit: 'percentunit',
          queries: [
            [
              `(${total('sluice_exits_total', `${SERVICE},reason="confident"`)} or vector(0)) / ${total('sluice_exits_total', SERVICE)}`,
              '',
            ],
          ],
        }),
        figure({
          title: 'Cost of 1,000 images',
          about: 'Processor time that gateway and lanes used, all policies. In the currency of the price.',
          unit: 'short',
          queries: [[moneyOf(cores, answers), '']],
        }),
        figure({
          title: 'Energy of 1,000 images',
          about: 'Measured (rapl: the whole machine) or estimated from processor time (estimate).',
          unit: 'joule',
          queries: [
            [
              `1000 * ${total('sluice_energy_joules_total', GATEWAY, ' by (source) ')} / on () group_left () ${answers}`,
              '{{source}}',
            ],
          ],
        }),
        figure({
          title: 'Power',
          about: 'Measured (rapl: the whole machine) or estimated from processor time (estimate).',
          unit: 'watt',
          queries: [[total('sluice_energy_joules_total', GATEWAY, ' by (source) '), '{{source}}']],
        }),
      ],
    },
    {
      title: 'Where images exit',
      panels: [
        lines({
          title: 'Images by exit',
          about: 'Share of answers that each exit gave, over time. Later exits take over: the pictures became harder.',
          unit: 'short',
          stack: 'share',
          span: 16,
          queries: [[total('sluice_exits_total', SERVICE, ` by (${BY_EXIT}) `), `{{cascade}} ${EXIT}`]],
        }),
        bars({
          title: 'Images by exit, shown time',
          about: 'How many left where.',
          unit: 'short',
          span: 8,
          queries: [
            [
              `sort_desc(sum by (${BY_EXIT}) (increase(sluice_exits_total{${SERVICE}}[$__range])))`,
              `{{cascade}} ${EXIT}`,
            ],
          ],
        }),
        lines({
          title: 'Images by rung',
          about: 'Share of answers that each rung gave.',
          unit: 'short',
          stack: 'share',
          queries: [
            [
              total('sluice_exits_total', SERVICE, ' by (cascade, backbone, width, resolution) '),
              '{{cascade}} {{backbone}}/{{width}}@{{resolution}}',
            ],
          ],
        }),
        lines({
          title: 'Why they exit there',
          about: 'confident: sure enough; final: the last exit; deadline and budget: stopped early.',
          unit: 'short',
          stack: 'share',
          queries: [[total('sluice_exits_total', SERVICE, ' by (reason) '), '{{reason}}']],
        }),
      ],
    },
    {
      title: 'Compute saved against the static choice',
      panels: [
        lines({
          title: 'Compute saved by policy',
          about: '1 minus the share of the static choice that was spent. Alert: SluiceSavingCollapsed.',
          unit: 'percentunit',
          max: 1,
          queries: [[saved(BY_SERVICE), '{{cascade}} {{policy}}']],
        }),
        lines({
          title: 'Multiply-accumulates a second',
          about: 'Spent, and what the static choice would have spent on the same images.',
          unit: 'short',
          queries: [
            [total('sluice_macs_total', SERVICE), 'spent'],
            [total('sluice_full_macs_total', SERVICE), 'static choice'],
          ],
        }),
        lines({
          title: 'Seconds an image by policy',
          about: 'Decoding and its share of the batches: what a policy saves in time, decoding counted.',
          unit: 's',
          queries: (['decode', 'inference'] as const).map((what) => [
            `${total(`sluice_${what}_seconds_total`, SERVICE, BY_SERVICE)} / ${total('sluice_requests_total', `${SERVICE},code="200"`, BY_SERVICE)}`,
            `{{cascade}} {{policy}} ${what}`,
          ]),
        }),
        bars({
          title: 'Compute saved, shown time',
          about: 'By policy, over the time that the dashboard shows.',
          unit: 'percentunit',
          max: 1,
          queries: [
            [
              `1 - sum by (cascade, policy) (increase(sluice_macs_total{${SERVICE}}[$__range])) / sum by (cascade, policy) (increase(sluice_full_macs_total{${SERVICE}}[$__range]))`,
              '{{cascade}} {{policy}}',
            ],
          ],
        }),
      ],
    },
    {
      title: 'Money and energy',
      panels: [
        lines({
          title: 'Cost of 1,000 images',
          about:
            'used: processor time of gateway and lanes. ready: one core for each lane that stands ready, idle or not. In the currency of the price, all policies.',
          unit: 'short',
          queries: [
            [moneyOf(cores, answers), 'used'],
            [moneyOf(`sum(sluice_lanes{${GATEWAY},state="ready"})`, answers), 'ready'],
          ],
        }),
        lines({
          title: 'Cost of 1,000 images by policy',
          about:
            'Decoding and inference of its answers, without what the gateway itself takes. In the currency of the price.',
          unit: 'short',
          queries: [
            [
              moneyOf(
                `(${total('sluice_decode_seconds_total', SERVICE, BY_SERVICE)} + ${total('sluice_inference_seconds_total', SERVICE, BY_SERVICE)})`,
                total('sluice_requests_total', `${SERVICE},code="200"`, BY_SERVICE),
              ),
              '{{cascade}} {{policy}}',
            ],
          ],
        }),
        lines({
          title: 'Power',
          about: 'rapl: measured, all packages of the machine. estimate: watts of a busy core times processor time.',
          unit: 'watt',
          queries: [
            [total('sluice_energy_joules_total', GATEWAY, ' by (instance, source) '), '{{instance}} {{source}}'],
          ],
        }),
        lines({
          title: 'Energy of 1,000 images',
          about: 'rapl: measured, all packages of the machine. estimate: watts of a busy core times processor time.',
          unit: 'joule',
          queries: [
            [
              `1000 * ${total('sluice_energy_joules_total', GATEWAY, ' by (source) ')} / on () group_left () ${answers}`,
              '{{source}}',
            ],
          ],
        }),
      ],
    },
  ],
});
