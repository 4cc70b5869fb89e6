/** What `bench scaling` prints: a table or two for each section that was measured, in Markdown. */

import { type Spread, show, table } from '../support/stats.js';
import { LEAST_SHARE_OF_A_LANE, MOST_READY_MS, type ScalingReport } from './report.js';

/** By section. */
export function scalingText(report: ScalingReport): Record<string, string> {
  const { lanes, size, depth, start, reload } = report;
  return {
    ...(lanes && { lanes: laneText(report, lanes) }),
    ...(size && { size: sizeText(size) }),
    ...(depth && { depth: depthText(depth) }),
    ...(start && { start: startText(start) }),
    ...(reload && { reload: reloadText(reload) }),
  };
}

function laneText({ machine, pinned, pictures, cascade }: ScalingReport, lanes: NonNullable<ScalingReport['lanes']>) {
  const rates = table(
    [
      'policy',
      'lanes',
      'cores',
      'images/s',
      'p50 ms',
      'p99 ms',
      'CPU ms an image: generator',
      'gateway',
      'lanes',
      'pictures a run',
    ],
    lanes.cases.map((each) => [
      each.policy,
      String(each.lanes),
      String(each.cores),
      show(each.images_per_second, 1),
      show(each.p50_ms),
      show(each.p99_ms),
      show(each.cpu_ms_per_image.generator, 2),
      show(each.cpu_ms_per_image.gateway, 2),
      show(each.cpu_ms_per_image.lanes, 2),
      show(each.mean_batch, 1),
    ]),
  );
  const ratios = table(
    ['policy', 'lanes / one lane', 'a core a lane', 'all cores', 'by lane CPU', 'by lane busy time'],
    lanes.ratios.map((each) => [
      each.policy,
      `${each.lanes} / 1`,
      each.own_cores === undefined ? 'not measured' : verdict(each.own_cores, each.lanes),
      show(each.all_cores, 2),
      show(each.lane_cpu, 2),
      show(each.lane_busy, 2),
    ]),
  );
  const notes = [
    `${cascade}, ${pictures}. Generator, gateway and lanes share the cores that a row names.`,
    pinned
      ? `"A core a lane": n lanes on n cores against one lane on one core, generator and gateway on the same cores. "All cores": ${machine.cores} cores for both, where one lane already uses more than one (its decoders have threads of their own).`
      : '"A core a lane" needs `taskset`, which is not here.',
    '"By lane CPU" and "by lane busy time": images a second of the processor time of the lanes, and of their time in runs, times lanes: what they could do if nothing else took from their cores. Busy time passes while another process has the core, too; processor time does not.',
  ];
  return [rates, ...(lanes.ratios.length === 0 ? [] : [ratios]), notes.join('\n')].join('\n\n');
}

function verdict(ratio: Spread, lanes: number): string {
  const least = LEAST_SHARE_OF_A_LANE * lanes;
  return `${show(ratio, 2)}, ${ratio.median >= least ? 'met' : 'MISSED'}: at least ${least.toFixed(1)}`;
}

function sizeText({ rows, line }: NonNullable<ScalingReport['size']>) {
  const shown = table(
    ['source', 'KB', 'decode ms', 'inference ms', 'total ms', 'at the caller ms', 'lane CPU ms', 'gateway CPU ms'],
    rows.map((each) => [
      `${each.side} x ${each.side}`,
      (each.bytes / 1000).toFixed(0),
      show(each.decode_ms, 2),
      show(each.inference_ms, 2),
      show(each.total_ms, 2),
      show(each.caller_ms, 2),
      show(each.lane_cpu_ms, 2),
      show(each.gateway_cpu_ms, 2),
    ]),
  );
  return `${shown}\n\nThe gateway takes ${line.fixed_ms.toFixed(2)} ms of processor time and ${line.ms_per_mb.toFixed(1)} ms for each MB (least squares over all rows).`;
}

function depthText({ points, line }: NonNullable<ScalingReport['depth']>) {
  const rows = table(
    ['route of', 'exits passed', 'stops at', 'M MACs', 'inference ms', 'decode ms', 'total ms', 'lane CPU ms'],
    points.map((each) => [
      each.walk,
      String(each.exits),
      `${each.rung} exit ${each.exit}`,
      (each.macs / 1e6).toFixed(1),
      show(each.inference_ms, 2),
      show(each.decode_ms, 2),
      show(each.total_ms, 2),
      show(each.lane_cpu_ms, 2),
    ]),
  );
  const { fixed_ms, ms_per_mmacs, r2 } = line;
  return `${rows}\n\nInference: ${fixed_ms.toFixed(2)} ms and ${(100 * ms_per_mmacs).toFixed(2)} ms for each 100 M MACs (least squares over all rows, R² ${r2.toFixed(3)}).`;
}

function startText(start: NonNullable<ScalingReport['start']>) {
  const phases = table(
    ['cascades', 'lanes', 'Node alone', '`--version`', 'listens', 'first lane ready', 'ready'],
    start.cases.map((each) => [
      each.cascades.join(', '),
      String(each.lanes),
      ...[each.node_ms, each.version_ms, each.listens_ms, each.first_lane_ms, each.ready_ms].map((ms) => show(ms)),
    ]),
  );
  const memory = table(
    ['cascades', 'lanes', 'gateway', 'each lane', 'all', 'after load: gateway', 'each lane', 'all'],
    start.cases.map((each) => {
      const { memory_mb: before, memory_after_load_mb: after } = each;
      return [
        each.cascades.join(', '),
        String(each.lanes),
        show(before.gateway.proportional),
        show(before.each_lane.proportional),
        show(before.all),
        show(after.gateway.proportional),
        show(after.each_lane.proportional),
        show(after.all),
      ];
    }),
  );
  const whole = start.cases.at(-1)!;
  const isReady = whole.ready_ms.median <= MOST_READY_MS ? 'met' : 'MISSED';
  const ready = `Ready with all cascades on ${whole.lanes} lanes: ${isReady}, at most ${MOST_READY_MS} ms.`;
  const more = [
    ...(start.one_more_lane_mb === undefined ? [] : [`a lane more takes ${start.one_more_lane_mb.toFixed(0)} MB`]),
    ...(start.other_cascades_mb_a_lane === undefined
      ? []
      : [`all cascades instead of one take ${start.other_cascades_mb_a_lane.toFixed(0)} MB more a lane`]),
  ];
  const read = more.length === 0 ? '' : `\n\nAfter load ${more.join(', and ')}.`;
  return `Milliseconds since the process was started:\n\n${phases}\n\n${ready}\n\nMegabytes, pages that processes share divided among them:\n\n${memory}${read}`;
}

function reloadText(reload: NonNullable<ScalingReport['reload']>) {
  return table(
    ['change', 'served after ms'],
    [
      ['another text of a policy', show(reload.policy_ms)],
      ...reload.models_ms.map((each) => [`one more cascade, a twin of ${each.cascade}`, show(each)]),
    ],
  );
}
