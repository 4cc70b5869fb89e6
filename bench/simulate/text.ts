/** What `bench simulate` prints: a part for each question, in Markdown. */

import { type Spread, show, table } from '../support/stats.js';
import { BALANCERS } from './balancer.js';
import type { SimulateReport } from './report.js';
import type { Simulated } from './run.js';
import { BURST_LOAD, TYPICAL_LOAD } from './sweep.js';

const percent = (share: number, digits = 0) => `${(100 * share).toFixed(digits)} %`;
const sign = (value: number) => `${value < 0 ? '' : '+'}${(100 * value).toFixed(0)}`;
const error = ({ median, min, max }: Spread) => `${sign(median)} % (${sign(min)} to ${sign(max)})`;

/** By part. */
export function simulateText(report: SimulateReport): Record<string, string> {
  return {
    basis: basisText(report),
    ...(report.validation && { validation: validationText(report.validation) }),
    lanes: laneText(report),
    balancers: balancerText(report),
  };
}

function basisText({ profile, pictures, work_ms: work }: SimulateReport): string {
  const ms = (value: number) => value.toFixed(2);
  const rows = [
    ['gateway: its event loop', ms(work.gateway)],
    ['lane: decoding', ms(work.decode)],
    ['lane: runs of the best batch size', ms(work.runs)],
    ['lane: the rest', ms(work.lane)],
  ];
  const exits = profile.pictures.map(({ path }) => path.at(-1)!);
  const shares = profile.rungs.flatMap(({ id, stages }, rung) =>
    stages.flatMap((_, stage) => {
      const count = exits.filter((exit) => exit.rung === rung && exit.stage === stage).length;
      return count === 0 ? [] : [`${id} exit ${stage + 1}: ${percent(count / exits.length)}`];
    }),
  );
  return [
    `${profile.cascade}, policy \`${profile.policy}\`, ${pictures}. Processor time of a picture:`,
    table(['part', 'ms'], rows),
    `With all cores busy a run takes ${profile.contention.toFixed(2)} times as long as alone. Pictures leave at ${shares.join(', ')}.`,
  ].join('\n\n');
}

function validationText({ capacity, points }: NonNullable<SimulateReport['validation']>): string {
  const rows = table(
    ['load', 'requests/s', 'p50 ms measured', 'predicted', 'error', 'p95 ms measured', 'predicted', 'error'],
    points.map((each) => [
      percent(each.load),
      each.per_second.toFixed(0),
      show(each.measured_p50_ms, 1),
      show(each.predicted_p50_ms, 1),
      error(each.error_p50),
      show(each.measured_p95_ms, 1),
      show(each.predicted_p95_ms, 1),
      error(each.error_p95),
    ]),
  );
  const { measured, predicted } = capacity;
  return `With full lanes: ${measured.toFixed(1)} images/s measured, ${predicted.toFixed(1)} predicted (${sign(predicted / measured - 1)} %). Requests at the same random times to both, load as a share of what was measured:\n\n${rows}`;
}

function laneText({ lanes, goal_ms }: SimulateReport): string {
  const rows = lanes.map((each) => {
    const of = (arrivals: string, load: number) =>
      each.rows.find((row) => row.load === load && row.arrivals === arrivals)!;
    const typical = of('poisson', TYPICAL_LOAD);
    const bursts = of('bursts', BURST_LOAD);
    return [
      String(each.lanes),
      each.ideal.toFixed(0),
      `${(each.held?.perSecond ?? 0).toFixed(0)} (${percent(each.load)})`,
      each.limit,
      millis(typical),
      percent(typical.loopBusy),
      `${of('poisson', BURST_LOAD).saturation.toFixed(2)} / ${typical.saturation.toFixed(2)}`,
      typical.meanBatch.toFixed(2),
      millis(bursts),
      (each.memoryMb / 1000).toFixed(1),
    ];
  });
  const head = [
    'lanes and cores',
    'ideal images/s',
    'held images/s',
    'what gives way first',
    `p50 / p95 / p99 ms at ${percent(TYPICAL_LOAD)}`,
    'event loop busy',
    `saturation at ${percent(BURST_LOAD)} / ${percent(TYPICAL_LOAD)}`,
    'pictures a run',
    `p50 / p95 / p99 ms, bursts, ${percent(BURST_LOAD)}`,
    'memory GB',
  ];
  const notes = [
    `"Ideal": all cores busy with the work of pictures only; loads are shares of it. "Held": the highest load with a p95 of at most ${goal_ms.toFixed(0)} ms and at most 1 % refused, Poisson arrivals.`,
    'Bursts: each fifth second has three times the mean rate.',
  ];
  return [table(head, rows), notes.join('\n')].join('\n\n');
}

function balancerText({ gateways }: SimulateReport): string {
  return table(
    ['gateways x lanes', 'arrivals', 'load', 'requests/s', ...BALANCERS, 'one gateway with all lanes'],
    gateways.map(({ gateways: count, lanes, arrivals, load, offered, balanced, one }) => [
      `${count} x ${lanes}`,
      arrivals,
      percent(load),
      offered.toFixed(0),
      ...balanced.map(millis),
      millis(one),
    ]),
  );
}

/** The quantiles of answers, and the share of those that got none. */
function millis({ p50, p95, p99, refused }: Simulated): string {
  const all = [p50, p95, p99].map((ms) => ms.toFixed(0)).join(' / ');
  return refused < 0.001 ? all : `${all}, ${percent(refused, 1)} refused`;
}
