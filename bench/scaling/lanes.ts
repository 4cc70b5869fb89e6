/**
 * Throughput by lanes. What a second lane brings depends on what it is given to run on, so each number of lanes is measured twice:
 * on all cores, and on as many cores as there are lanes. Generator, gateway and lanes share those cores in either case.
 */

import { pin } from '../support/affinity.js';
import type { Child } from '../support/child.js';
import type { GatewayProcess } from '../support/gateway.js';
import type { LoadAnswer, LoadRequest } from '../support/load.js';
import { type Saturated, Saturation } from '../support/saturation.js';
import { spread } from '../support/stats.js';

/** Requests in flight for each lane: with the same number on board, batches are of the same size. */
const CONNECTIONS_A_LANE = 16;

/** One thing to measure. */
export interface LaneCase {
  readonly lanes: number;
  /** That everything runs on. */
  readonly cores: number;
  readonly policy: string;
}

export interface LaneRun extends LaneCase {
  readonly saturated: Saturated;
}

/** @param lanes numbers of lanes; @param cores of the machine; @param pins whether processes can be kept to some cores */
export function laneCases(
  lanes: readonly number[],
  policies: readonly string[],
  cores: number,
  pins: boolean,
): LaneCase[] {
  return policies.flatMap((policy) =>
    lanes.flatMap((each) => [
      ...(pins && each < cores ? [{ lanes: each, cores: each, policy }] : []),
      { lanes: each, cores, policy },
    ]),
  );
}

export interface LaneBench {
  readonly gateways: ReadonlyMap<number, GatewayProcess>;
  readonly load: Child<LoadRequest, LoadAnswer>;
  readonly pictures: readonly Uint8Array[];
  readonly cascade: string;
  readonly pins: boolean;
}

export async function measureLanes(bench: LaneBench, one: LaneCase, seconds: number): Promise<LaneRun> {
  const gateway = bench.gateways.get(one.lanes)!;
  if (bench.pins) pin([gateway.pid, ...gateway.lanePids, bench.load.pid], one.cores);
  const saturation = new Saturation(bench.load, bench.pictures, bench.cascade);
  const saturated = await saturation.run(gateway, one.policy, CONNECTIONS_A_LANE * one.lanes, seconds);
  if (bench.pins) pin([gateway.pid, ...gateway.lanePids, bench.load.pid]);
  return { ...one, saturated };
}

/** Of one policy and number of lanes against one lane; each figure as the spread over the rounds. */
export function laneRatios(runs: readonly LaneRun[], policy: string, lanes: number, cores: number) {
  const of = (wanted: number, on: number) =>
    runs.filter((run) => run.policy === policy && run.lanes === wanted && run.cores === on);
  const [one, many] = [of(1, cores), of(lanes, cores)];
  const [oneCore, ownCores] = [of(1, 1), of(lanes, Math.min(lanes, cores))];
  // Round by round: both of a round saw the same machine.
  const ratio = (above: readonly LaneRun[], below: readonly LaneRun[], value: (run: LaneRun) => number) =>
    spread(above.map((run, round) => value(run) / value(below[round]!)));
  const rate = ({ saturated }: LaneRun) => saturated.imagesPerSecond;
  return {
    policy,
    lanes,
    /** n lanes on n cores against one lane on one core; undefined where processes cannot be pinned. */
    own_cores: oneCore.length === 0 ? undefined : ratio(ownCores, oneCore, rate),
    /** Both on all cores. */
    all_cores: ratio(many, one, rate),
    /** What the lanes could do with cores of their own: images a second of their processor time, times lanes. */
    lane_cpu: ratio(many, one, (run) => run.lanes / run.saturated.cpu.lanes),
    /** The same by the time that they were in runs of ONNX Runtime. */
    lane_busy: ratio(many, one, (run) => run.lanes / run.saturated.runs),
  };
}

/** Figures of one case over all rounds. */
export function laneSummary(runs: readonly LaneRun[], { lanes, cores, policy }: LaneCase) {
  const mine = runs.filter((run) => run.lanes === lanes && run.cores === cores && run.policy === policy);
  const of = (value: (run: Saturated) => number) => spread(mine.map(({ saturated }) => value(saturated)));
  return {
    policy,
    lanes,
    cores,
    images_per_second: of(({ imagesPerSecond }) => imagesPerSecond),
    p50_ms: of(({ p50 }) => p50),
    p99_ms: of(({ p99 }) => p99),
    cpu_ms_per_image: {
      generator: of(({ cpu }) => cpu.generator),
      gateway: of(({ cpu }) => cpu.gateway),
      lanes: of(({ cpu }) => cpu.lanes),
    },
    run_ms_per_image: of(({ runs: ms }) => ms),
    images_per_lane_busy_second: of(({ runs: ms }) => 1000 / ms),
    images_per_lane_cpu_second: of(({ cpu }) => 1000 / cpu.lanes),
    mean_batch: of(({ meanBatch }) => meanBatch),
    loop_delay_p99_ms: of(({ loopDelay }) => loopDelay.p99),
  };
}
