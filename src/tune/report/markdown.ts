/** report.md: the figures of a tuning in tables. Pure. */

import type { Compared, Judged } from '../compare.js';
import { pointOn } from '../operating-points.js';
import type { Outcome } from '../walk.js';
import type { ReportContent } from './content.js';

/** Rows of a table of budgets: enough to see the course. */
const ROWS = 10;

export function markdown(
  content: ReportContent,
  charts: readonly { readonly id: string; readonly file: string }[],
): string {
  const { seen, heldOut, solution, exits, rules } = content;
  const { terms } = solution.points[0]!.walk;
  const parts = [
    `# Tuning of ${seen.cascade}`,
    [
      `Solved on ${seen.labels.length} pictures`,
      heldOut === undefined
        ? ', none held out: all figures are of the pictures that were solved on, and flatter.'
        : `, judged on ${heldOut.labels.length} others.`,
      ` Score: ${terms.score}; saved: ${terms.unit === 'macs' ? 'multiply-accumulates' : 'milliseconds of inference'};`,
      ` kept: ${terms.quality === 'expected' ? 'right answers, half by label and half as the full network expects them' : 'agreement with the full network'}.`,
    ].join(''),
    '![frontier](frontier.svg)',
    '## Chosen',
    chosenTable(content),
    ...guaranteePart(content),
    '## Oracle',
    oraclePart(content),
    "## MSDNet's budgeted-batch rule at each budget",
    `On the last rung alone (${seen.rungs.at(-1)!.id}); ${qualityName(content)}, and beside it the tuned policy that costs no more.`,
    ruleTable(content, rules.last),
    `On the chosen route (${solution.points[0]!.walk.rungs.map(({ id }) => id).join(', ')}).`,
    ruleTable(content, rules.route),
    '## Each exit alone',
    table(
      ['exit', 'million MACs', 'ms', seen.labelled ? 'top-1' : '', 'agreement', 'ECE'].filter((name) => name !== ''),
      exits.map(({ rung, exit, macs, ms, top1, agreement, ece }) => [
        `${rung}#${exit}`,
        (macs / 1e6).toFixed(2),
        ms.toFixed(3),
        ...(seen.labelled ? [percent(top1)] : []),
        percent(agreement),
        percent(ece),
      ]),
    ),
    '## Reliability',
    ...charts.map(({ id, file }) => `![reliability of ${id}](${file})`),
  ];
  return `${parts.join('\n\n')}\n`;
}

const percent = (value: number) => `${(100 * value).toFixed(2)} %`;

function qualityName({ seen }: ReportContent): string {
  return seen.labelled ? 'top-1' : 'agreement';
}

function quality({ seen }: ReportContent, outcome: Outcome): number {
  return seen.labelled ? outcome.top1 : outcome.agreement;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

function chosenTable(content: ReportContent): string {
  const { seen, heldOut, solution } = content;
  const { full, points } = solution;
  const row = (name: string, of: string, outcome: Outcome) => [
    name,
    of,
    ...(seen.labelled ? [percent(outcome.top1)] : []),
    percent(outcome.agreement),
    (outcome.macs / 1e6).toFixed(2),
    (outcome.macs / full.outcome.macs).toFixed(3),
    outcome.ms.toFixed(3),
    outcome.p95Ms.toFixed(3),
  ];
  const rows = [full, ...points].flatMap((point, i) => {
    const name = i === 0 ? 'full network' : i === 1 ? 'chosen' : `point ${i}`;
    return [
      row(name, 'seen', point.outcome),
      ...(heldOut === undefined ? [] : [row(name, 'held out', pointOn(heldOut, point).outcome)]),
    ];
  });
  const head = ['', 'pictures', seen.labelled ? 'top-1' : '', 'agreement', 'million MACs', 'ratio', 'ms', 'p95 ms'];
  return table(
    head.filter((name, i) => i === 0 || name !== ''),
    rows,
  );
}

function guaranteePart({ solution: { guarantee } }: ReportContent): string[] {
  if (guarantee === undefined) return [];
  const { risk, confidence, pictures } = guarantee;
  return [
    `Guarantee (Learn then Test, arXiv 2110.01052): with confidence ${percent(confidence)} at most ${percent(risk)} of the answers differ from the full network, for pictures like the ${pictures} that it was tested on.`,
  ];
}

function oraclePart({ reached, solution, heldOut }: ReportContent): string {
  if (reached === undefined) return 'No point found is within 0.1 points of the full network.';
  const cost = solution.full.outcome.cost;
  const row = (of: string, point: Outcome, oracle: Outcome, share: number) => [
    of,
    (point.cost / cost).toFixed(3),
    percent(point.top1),
    (oracle.cost / cost).toFixed(3),
    percent(oracle.top1),
    percent(share),
  ];
  const { point, oracle, share } = reached;
  const rows = [row('seen', point.seen, oracle.seen, share.seen)];
  if (heldOut !== undefined) rows.push(row('held out', point.heldOut!, oracle.heldOut!, share.heldOut!));
  return [
    'The oracle leaves at the cheapest exit of the route that is right, at the first where none is. Against it, the cheapest tuned point within 0.1 points of the full network:',
    table(['pictures', 'ratio', 'right', "oracle's ratio", 'oracle right', "share of the oracle's saving"], rows),
  ].join('\n\n');
}

function ruleTable(content: ReportContent, all: readonly Compared[]): string {
  const { seen, solution, heldOut } = content;
  const fullCost = solution.full.outcome.cost;
  const every = Math.max(1, Math.ceil(all.length / ROWS));
  const shown = all.filter((_, i) => (all.length - 1 - i) % every === 0);
  const ratio = (judged: Judged | undefined) => (judged === undefined ? '-' : (judged.seen.cost / fullCost).toFixed(3));
  const cell = (outcome: Outcome | undefined) => (outcome === undefined ? '-' : percent(quality(content, outcome)));
  const solved = (judged: Judged | undefined) => (judged === undefined ? '-' : percent(judged.seen.quality));
  const head = [
    ...['budget', 'tuned spends'],
    ...(seen.labelled ? ['rule, quality', 'tuned, quality'] : []),
    ...['rule, seen', 'tuned, seen'],
    ...(heldOut === undefined ? [] : ['rule, held out', 'tuned, held out']),
  ];
  const rows = shown.map(({ rule, tuned }) => [
    ...[ratio(rule), ratio(tuned)],
    ...(seen.labelled ? [solved(rule), solved(tuned)] : []),
    ...[cell(rule.seen), cell(tuned?.seen)],
    ...(heldOut === undefined ? [] : [cell(rule.heldOut), cell(tuned?.heldOut)]),
  ]);
  return [table(head, rows), verdict(content, all)].join('\n\n');
}

/** Over all budgets, not only those of the table. */
function verdict(content: ReportContent, all: readonly Compared[]): string {
  const which = content.heldOut === undefined ? 'seen' : 'heldOut';
  const gains = all.flatMap(({ rule, tuned }) =>
    tuned === undefined ? [] : [quality(content, tuned[which]!) - quality(content, rule[which]!)],
  );
  if (gains.length === 0) return 'The rule is cheaper than all that was tuned.';
  const mean = gains.reduce((sum, gain) => sum + gain, 0) / gains.length;
  const good = gains.filter((gain) => gain >= 0).length;
  const points = (gain: number) => (100 * gain).toFixed(2);
  const pictures = which === 'seen' ? 'seen' : 'held out';
  return `Of ${gains.length} budgets the tuned policy is at least as good at ${good} (${pictures}); on average ${points(mean)} points better, at worst ${points(Math.min(...gains))}, at best ${points(Math.max(...gains))}.`;
}
