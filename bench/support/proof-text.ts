/** The report as Markdown: for a terminal and for docs/performance.md. */

import type { machine } from './machine.js';
import type { OpenRow, ProofReport, Row } from './proof-report.js';
import type { Target } from './proof-targets.js';
import { show, table } from './stats.js';

export function proofText(report: ProofReport): string {
  const { rounds, seconds, wrong, left_out } = report;
  return [
    about(report),
    `Closed loop at saturation, medians of ${rounds} rounds of ${seconds} s (least-most):`,
    saturation(report.contestants),
    costs(report),
    "Open loop, Poisson arrivals, load as a share of the policy's own saturation:",
    open(report.open_loop),
    one(report.overhead),
    targetTable(report.targets),
    'Configurations:',
    configurations(report.contestants),
    ...left_out.map(({ name, reason }) => `Not measured: ${name}, ${reason}.`),
    idle(report.idle_cores),
    ...wrong.map((what) => `WRONG: ${what}.`),
  ].join('\n\n');
}

function about({ machine: where, cascade, rung, pictures }: ProofReport): string {
  const { cpu, cores, memory_gib, node, onnxruntime, sharp, commit, date, load_before } = where as ReturnType<
    typeof machine
  >;
  return [
    `Cascade \`${cascade}\`, full network ${rung}; ${pictures.count} pictures (${pictures.from}).`,
    `${cores} cores of ${cpu}, ${memory_gib} GiB; Node.js ${node}, ONNX Runtime ${onnxruntime}, sharp ${sharp}; commit ${commit}, ${date.slice(0, 10)};`,
    `load average before: ${load_before.toFixed(2)} (above 0.5 the machine was not idle).`,
  ].join('\n');
}

function saturation(rows: readonly Row[]): string {
  return table(
    ['', 'images/s', 'of the limit', 'times full', 'p50 ms', 'p95 ms', 'p99 ms', 'driven by'],
    rows.map((row) => [
      row.name,
      show(row.images_per_second, 1),
      show(row.of_limit, 2),
      show(row.of_full, 2),
      ...[row.p50_ms, row.p95_ms, row.p99_ms].map((each) => (each === undefined ? '' : show(each))),
      row.setting,
    ]),
  );
}

function costs({ contestants: rows, labelled_pictures: labelled }: ProofReport): string {
  return table(
    [
      '',
      'CPU s per 1,000 images',
      'memory MB',
      'top-1 %',
      ...(labelled === undefined ? [] : [`top-1 % of ${labelled}`]),
      'as Sluice full %',
      'failed',
    ],
    rows.map((row) => [
      row.name,
      show(row.cpu_seconds_per_1000, 2),
      row.memory_mb.toFixed(0),
      row.top1 === undefined ? 'no labels' : (100 * row.top1).toFixed(1),
      ...(row.labelled_top1 === undefined ? [] : [(100 * row.labelled_top1).toFixed(2)]),
      (100 * row.agreement).toFixed(1),
      String(row.failed),
    ]),
  );
}

function open(rows: readonly OpenRow[]): string {
  return table(
    ['policy', 'load', 'sent/s', 'answered/s', 'p50 ms', 'p95 ms', 'p99 ms', 'p99 / p50', 'failed'],
    rows.map((row) => [
      row.policy,
      `${(100 * row.load).toFixed(0)} %`,
      row.offered_per_second.toFixed(1),
      show(row.answered_per_second, 1),
      show(row.p50_ms, 1),
      show(row.p95_ms, 1),
      show(row.p99_ms, 1),
      show(row.p99_by_p50, 1),
      String(row.failed),
    ]),
  );
}

function one({ bare_p50_ms, sluice_p50_ms, overhead_ms }: ProofReport['overhead']): string {
  return [
    `One request at a time: p50 ${show(sluice_p50_ms, 2)} ms through Sluice (\`full\`), ${show(bare_p50_ms, 2)} ms bare in one process;`,
    `the difference, round by round: ${show(overhead_ms, 2)} ms.`,
  ].join('\n');
}

export function targetTable(targets: readonly Target[]): string {
  return table(
    ['target', 'found', 'wanted', '', 'against'],
    targets.map(({ what, value, least, most, met, note = '' }) => [
      what,
      value === undefined ? '' : value.toFixed(2),
      least === undefined ? `at most ${most}` : `at least ${least}`,
      met === undefined ? '' : met ? 'met' : 'NOT met',
      note,
    ]),
  );
}

function configurations(rows: readonly Row[]): string {
  return table(
    ['', 'what it is', 'versions'],
    rows.map(({ name, about, versions }) => [
      name,
      about,
      Object.entries(versions)
        .map(([name, version]) => `${name} ${version}`)
        .join(', '),
    ]),
  );
}

function idle(cores: ProofReport['idle_cores']): string {
  const each = Object.entries(cores).map(([name, value]) => `${name} ${value.toFixed(3)}`);
  return `Processor taken without work, in cores: ${each.join(', ')}. Peers are stopped (SIGSTOP) while others are measured.`;
}
