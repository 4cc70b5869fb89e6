/** Is everybody answered, how fast, and what waits: traffic, errors, latency by phase, lanes and queues. */

import { board, buckets, figure, GATEWAY, lines, SERVICE } from './panels.js';

const RATE = '[$__rate_interval]';
const requests = (matchers = '') => `sum(rate(sluice_requests_total{${SERVICE}${matchers}}${RATE}))`;
const quantile = (share: number, by: string) =>
  `histogram_quantile(${share}, sum by (${by}) (rate(sluice_request_duration_seconds_bucket{${SERVICE}}${RATE})))`;
const phase = (share: number) =>
  `histogram_quantile(${share}, sum by (le, phase) (rate(sluice_stage_duration_seconds_bucket{${GATEWAY}}${RATE})))`;

export const traffic = board({
  uid: 'traffic',
  title: 'traffic',
  about: 'Is everybody answered, how fast, and what waits.',
  rows: [
    {
      title: 'Now',
      panels: [
        figure({
          title: 'Images a second',
          about: 'Answered.',
          unit: 'short',
          queries: [[requests(',code="200"'), '']],
        }),
        figure({
          title: 'Failed',
          about:
            'Share of requests with 5xx, with refused batch and deadlines of their own. Alert: SluiceErrors above 2 % without these.',
          unit: 'percentunit',
          queries: [[`(${requests(',code=~"5.."')} or vector(0)) / (${requests()} > 0) or vector(0)`, '']],
        }),
        figure({
          title: 'p95',
          about: 'Of answers, from the last byte of the picture.',
          unit: 's',
          queries: [[quantile(0.95, 'le'), '']],
        }),
        figure({
          title: 'In the queue',
          about: 'Requests that wait for a lane.',
          unit: 'short',
          queries: [[`sum(sluice_queue_depth{${GATEWAY}})`, '']],
        }),
        figure({
          title: 'Lanes ready',
          about: 'Of all that there should be.',
          unit: 'short',
          queries: [[`sum(sluice_lanes{${GATEWAY},state="ready"})`, '']],
        }),
        figure({
          title: 'Lane deaths, 1 h',
          about: 'Each was replaced, and no request was lost by it. Alert: SluiceLaneRestarts.',
          unit: 'short',
          queries: [[`sum(increase(sluice_lane_deaths_total{${GATEWAY}}[1h])) or vector(0)`, '']],
        }),
      ],
    },
    {
      title: 'Traffic and errors',
      panels: [
        lines({
          title: 'Requests by status',
          about: '2xx answered, 4xx refused as wrong, 5xx failed.',
          unit: 'reqps',
          stack: 'sum',
          queries: [[`sum by (code) (rate(sluice_requests_total{${SERVICE}}${RATE}))`, '{{code}}']],
        }),
        lines({
          title: 'Requests by policy',
          about: 'Of all statuses; without a name: the request named nothing that exists.',
          unit: 'reqps',
          stack: 'sum',
          queries: [
            [`sum by (cascade, policy) (rate(sluice_requests_total{${SERVICE}}${RATE}))`, '{{cascade}} {{policy}}'],
          ],
        }),
      ],
    },
    {
      title: 'Latency',
      panels: [
        lines({
          title: 'Latency',
          about: 'Quantiles of all answers.',
          unit: 's',
          queries: [
            [quantile(0.5, 'le'), 'p50'],
            [quantile(0.95, 'le'), 'p95'],
            [quantile(0.99, 'le'), 'p99'],
          ],
        }),
        lines({
          title: 'Latency by policy, p95',
          about: 'What a policy costs its callers in time.',
          unit: 's',
          queries: [[quantile(0.95, 'le, cascade, policy'), '{{cascade}} {{policy}}']],
        }),
        lines({
          title: 'Mean time of an answer by phase',
          about: 'Waiting (queue), decoding, and its share of the batches it ran in. All cascades and policies.',
          unit: 's',
          stack: 'sum',
          queries: [
            [
              `sum by (phase) (rate(sluice_stage_duration_seconds_sum{${GATEWAY}}${RATE})) / sum by (phase) (rate(sluice_stage_duration_seconds_count{${GATEWAY}}${RATE}))`,
              '{{phase}}',
            ],
          ],
        }),
        lines({
          title: 'p95 by phase',
          about: 'Which phase makes late answers late. All cascades and policies.',
          unit: 's',
          queries: [[phase(0.95), '{{phase}}']],
        }),
        buckets({
          title: 'Answers by latency',
          about: 'Two bands mean two kinds of pictures, or two rungs.',
          unit: 's',
          span: 24,
          queries: [[`sum by (le) (increase(sluice_request_duration_seconds_bucket{${SERVICE}}${RATE}))`, '{{le}}']],
        }),
      ],
    },
    {
      title: 'Queue and lanes',
      panels: [
        lines({
          title: 'Queue',
          about: 'Requests that wait for a lane, and how many may.',
          unit: 'short',
          queries: [
            [`sum(sluice_queue_depth{${GATEWAY}})`, 'waiting'],
            [`sum(sluice_queue_limit{${GATEWAY}})`, 'limit'],
          ],
        }),
        lines({
          title: 'Refused for want of room',
          about: 'Batch goes first. Alert: SluiceSaturated when interactive requests are refused.',
          unit: 'reqps',
          stack: 'sum',
          queries: [
            [`sum by (priority, reason) (rate(sluice_shed_total{${GATEWAY}}${RATE}))`, '{{priority}}, {{reason}}'],
          ],
        }),
        lines({
          title: 'Lanes: share of time with a request',
          about: 'Mean of all lanes. Alert: SluiceBusy above 95 % for long.',
          unit: 'percentunit',
          max: 1,
          queries: [[`max by (instance) (sluice_saturation_ratio{${GATEWAY}})`, '{{instance}}']],
        }),
        lines({
          title: 'Expected wait',
          about: 'Of a request that comes in now. Beyond --max-wait-ms it is refused.',
          unit: 's',
          queries: [[`max by (priority) (sluice_expected_wait_seconds{${GATEWAY}})`, '{{priority}}']],
        }),
        lines({
          title: 'Lanes by state',
          about: 'Retiring: they finish what they took before their models were replaced.',
          unit: 'short',
          stack: 'sum',
          queries: [[`sum by (state) (sluice_lanes{${GATEWAY}})`, '{{state}}']],
        }),
        lines({
          title: 'Lanes: share of time in graphs',
          about: 'Near 1 for long: more lanes are needed, or a cheaper policy.',
          unit: 'percentunit',
          max: 1,
          queries: [
            [
              `sum by (instance, lane) (rate(sluice_lane_busy_seconds_total{${GATEWAY}}${RATE}))`,
              '{{instance}} lane {{lane}}',
            ],
          ],
        }),
        lines({
          title: 'Lanes: decodes at a time',
          about: 'Two decodes of a lane may overlap, also with its graphs.',
          unit: 'short',
          queries: [
            [
              `sum by (instance, lane) (rate(sluice_lane_decode_seconds_total{${GATEWAY}}${RATE}))`,
              '{{instance}} lane {{lane}}',
            ],
          ],
        }),
        lines({
          title: 'Lanes: requests on board',
          about: 'Sent to the lane and not yet answered.',
          unit: 'short',
          queries: [[`sum by (instance, lane) (sluice_lane_requests{${GATEWAY}})`, '{{instance}} lane {{lane}}']],
        }),
        lines({
          title: 'Pictures in a batch',
          about: 'Mean of all runs of stages. Near 1: the lanes are not pressed, or their best batch is one.',
          unit: 'short',
          queries: [
            [
              `sum(rate(sluice_batch_size_sum{${GATEWAY}}${RATE})) / sum(rate(sluice_batch_size_count{${GATEWAY}}${RATE}))`,
              'mean',
            ],
          ],
        }),
      ],
    },
    {
      title: 'Processes',
      panels: [
        lines({
          title: 'Processor time',
          about: 'Cores that each process keeps busy.',
          unit: 'short',
          stack: 'sum',
          queries: [
            [
              `sum by (instance, lane) (rate(sluice_lane_cpu_seconds_total{${GATEWAY}}${RATE}))`,
              '{{instance}} lane {{lane}}',
            ],
            [`sum by (instance) (rate(process_cpu_seconds_total{${GATEWAY}}${RATE}))`, '{{instance}} gateway'],
          ],
        }),
        lines({
          title: 'Memory',
          about: 'Resident. A lane that only grows is killed by the kernel in the end.',
          unit: 'bytes',
          queries: [
            [`sum by (instance, lane) (sluice_lane_resident_bytes{${GATEWAY}})`, '{{instance}} lane {{lane}}'],
            [`sum by (instance) (process_resident_memory_bytes{${GATEWAY}})`, '{{instance}} gateway'],
          ],
        }),
        lines({
          title: 'Event loop of the gateway',
          about: 'How late its timers are. Alert: SluiceGatewayBlocked above 0.25 s.',
          unit: 's',
          queries: [
            [`max by (instance) (nodejs_eventloop_lag_p99_seconds{${GATEWAY}})`, '{{instance}} p99'],
            [`max by (instance) (nodejs_eventloop_lag_p50_seconds{${GATEWAY}})`, '{{instance}} p50'],
          ],
        }),
        lines({
          title: 'Reloads',
          about: 'Changes of models or policies that were taken, or refused. Alert: SluiceReloadRefused.',
          unit: 'short',
          queries: [[`sum by (result) (increase(sluice_policy_reloads_total{${GATEWAY}}${RATE}))`, '{{result}}']],
        }),
      ],
    },
  ],
});
