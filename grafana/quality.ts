/** Are early answers as good as promised: audits, scores, operating points. */

import { bars, board, buckets, EXIT, figure, lines, SERVICE } from './panels.js';

const RATE = '[$__rate_interval]';
const BY_EXIT = 'cascade, policy, backbone, width, resolution, exit';
const audits = (over: string, by = '', matchers = '') =>
  `sum${by}(increase(sluice_audit_total{${SERVICE}${matchers}}${over}))`;
const agreement = (over: string, by = '') => `${audits(over, by, ',agree="true"')} / (${audits(over, by)} > 0)`;
const score = (share: number) =>
  `histogram_quantile(${share}, sum by (le, cascade, policy) (rate(sluice_answer_score_bucket{${SERVICE}}${RATE})))`;

export const quality = board({
  uid: 'quality',
  title: 'quality',
  about: 'Are early answers as good as promised: what audits say, how sure answers are, which operating point serves.',
  rows: [
    {
      title: 'Now',
      panels: [
        figure({
          title: 'Agreement, shown time',
          about: 'Share of audited early answers that are those of the full network.',
          unit: 'percentunit',
          span: 6,
          queries: [[agreement('[$__range]'), '']],
        }),
        figure({
          title: 'Audits, shown time',
          about: 'Few audits say little: the share in the policy (audit.share), or lanes that are never quiet.',
          unit: 'short',
          span: 6,
          queries: [[audits('[$__range]'), '']],
        }),
        figure({
          title: 'Policies on the full network',
          about: 'Audits left them no operating point. Alert: SluiceDrifted.',
          unit: 'short',
          span: 6,
          queries: [[`sum(sluice_operating_point{${SERVICE},point="full"})`, '']],
        }),
        figure({
          title: 'Stopped early',
          about: 'Share of answers that a deadline or a budget ended: they are less sure than the policy wants.',
          unit: 'percentunit',
          span: 6,
          queries: [
            [
              `(sum(rate(sluice_exits_total{${SERVICE},reason=~"deadline|budget"}${RATE})) or vector(0)) / sum(rate(sluice_exits_total{${SERVICE}}${RATE}))`,
              '',
            ],
          ],
        }),
      ],
    },
    {
      title: 'Audits',
      panels: [
        lines({
          title: 'Agreement with the full network',
          about: 'Of the last hour, against what the policy promises. Alert: SluiceAgreementUnderPromise.',
          unit: 'percentunit',
          max: 1,
          queries: [
            [agreement('[1h]', ' by (cascade, policy) '), '{{cascade}} {{policy}}'],
            [`max by (cascade, policy) (sluice_audit_promise_ratio{${SERVICE}})`, '{{cascade}} {{policy}}: promised'],
          ],
        }),
        bars({
          title: 'Agreement by exit, shown time',
          about: 'The exit that is too sure of itself is the one to mend: its threshold, or its calibration.',
          unit: 'percentunit',
          max: 1,
          queries: [[agreement('[$__range]', ` by (${BY_EXIT}) `), `{{cascade}} {{policy}} ${EXIT}`]],
        }),
        lines({
          title: 'Audits a second',
          about: 'They ride in quiet lanes only: none while lanes are busy.',
          unit: 'short',
          stack: 'sum',
          queries: [
            [
              `sum by (cascade, policy, agree) (rate(sluice_audit_total{${SERVICE}}${RATE}))`,
              '{{cascade}} {{policy}} agree: {{agree}}',
            ],
          ],
        }),
        lines({
          title: 'Share of answers that are audited',
          about: 'Of early answers; less than audit.share where lanes are busy.',
          unit: 'percentunit',
          queries: [
            [
              `sum by (cascade, policy) (rate(sluice_audit_total{${SERVICE}}${RATE})) / sum by (cascade, policy) (rate(sluice_exits_total{${SERVICE},reason="confident"}${RATE}))`,
              '{{cascade}} {{policy}}',
            ],
          ],
        }),
      ],
    },
    {
      title: 'Scores',
      panels: [
        lines({
          title: 'Score of answers',
          about: 'Median and lowest tenth. They fall before agreement does: pictures became harder.',
          unit: 'short',
          queries: [
            [score(0.5), '{{cascade}} {{policy}} p50'],
            [score(0.1), '{{cascade}} {{policy}} p10'],
          ],
        }),
        buckets({
          title: 'Answers by score',
          about: 'Of all chosen policies: choose one, as policies may go by different scores.',
          unit: 'short',
          queries: [[`sum by (le) (increase(sluice_answer_score_bucket{${SERVICE}}${RATE}))`, '{{le}}']],
        }),
      ],
    },
    {
      title: 'Operating points',
      panels: [
        lines({
          title: 'Operating point that serves',
          about:
            '1 for the point that serves. It moves with the load (goal) and with audits; full: no point is good enough.',
          unit: 'short',
          max: 1,
          span: 24,
          queries: [
            [
              `max by (cascade, policy, point) (sluice_operating_point{${SERVICE}})`,
              '{{cascade}} {{policy}} {{point}}',
            ],
          ],
        }),
      ],
    },
  ],
});
