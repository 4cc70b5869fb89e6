/** What `bench scaling` writes. */

import type { ScalingOptions } from '../scaling.js';
import { spread } from '../support/stats.js';
import { type Depth, lineThrough } from './depths.js';
import { type LaneCase, type LaneRun, laneRatios, laneSummary } from './lanes.js';
import type { ReloadTimes } from './reloads.js';
import { type SingleRun, singleSummary } from './single.js';
import { type StartCase, type StartRun, startSummary } from './starts.js';

/** Of the issue that asked for it: n lanes on n cores against one lane on one core, by lane. */
export const LEAST_SHARE_OF_A_LANE = 0.9;
/** Of the same: from start until ready, with all cascades. */
export const MOST_READY_MS = 3000;

export interface Rounds {
  readonly cascade: string;
  readonly names: readonly string[];
  readonly cases: readonly LaneCase[];
  readonly lanes: readonly LaneRun[];
  /** By side. */
  readonly sizes: ReadonlyMap<number, readonly SingleRun[]>;
  readonly bytes: ReadonlyMap<number, number>;
  readonly depths: readonly Depth[];
  /** By policy. */
  readonly deep: ReadonlyMap<string, readonly SingleRun[]>;
  readonly startCases: readonly StartCase[];
  readonly starts: readonly StartRun[];
  readonly reloads: readonly ReloadTimes[];
}

export interface Measured extends Rounds {
  readonly where: { readonly cores: number };
  readonly options: ScalingOptions;
  readonly pins: boolean;
  readonly pictures: string;
}

export function scalingReport(measured: Measured) {
  const { where, options, pins, pictures, cascade, names } = measured;
  return {
    bench: 'scaling',
    machine: where,
    cascade,
    pictures,
    seconds: options.seconds,
    rounds: options.rounds,
    /** False: only figures on all cores. */
    pinned: pins,
    lanes: measured.lanes.length === 0 ? undefined : lanesOf(measured, where.cores),
    size: sized(measured),
    depth: depthOf(measured),
    start: measured.starts.length === 0 ? undefined : startsOf(measured),
    reload: measured.reloads.length === 0 ? undefined : reloadsOf(measured, names),
  };
}

export type ScalingReport = ReturnType<typeof scalingReport>;

function lanesOf({ cases, lanes, options }: Measured, cores: number) {
  const many = options.lanes.filter((each) => each > 1);
  return {
    cases: cases.map((each) => laneSummary(lanes, each)),
    ratios: options.policies.flatMap((policy) => many.map((each) => laneRatios(lanes, policy, each, cores))),
  };
}

function sized({ sizes, bytes }: Measured) {
  const measured = [...sizes].filter(([, runs]) => runs.length > 0);
  if (measured.length === 0) return undefined;
  const rows = measured.map(([side, runs]) => ({ side, bytes: bytes.get(side)!, ...singleSummary(runs) }));
  const through = rows.map((row) => ({ x: row.bytes / 1e6, y: row.gateway_cpu_ms.median }));
  const { intercept, slope } = lineThrough(through);
  /** Of the gateway: it never looks at a pixel, but the bytes go through it. */
  return { rows, line: { fixed_ms: intercept, ms_per_mb: slope } };
}

function depthOf({ depths, deep }: Measured) {
  const points = depths.flatMap(({ name, walk, exits, rung, exit }) => {
    const runs = deep.get(name)!;
    return runs.length === 0 ? [] : [{ walk, exits, rung, exit, ...singleSummary(runs) }];
  });
  if (points.length === 0) return undefined;
  const through = points.map(({ macs, inference_ms }) => ({ x: macs / 1e6, y: inference_ms.median }));
  const { intercept, slope, r2 } = lineThrough(through);
  return { points, line: { fixed_ms: intercept, ms_per_mmacs: slope, r2 } };
}

/** What a lane more and a cascade more take is read off the cases that differ in one of them. */
function startsOf({ startCases, starts }: Measured) {
  const cases = startCases.map((each) => startSummary(starts, each));
  const of = (cascades: number, lanes: number) =>
    cases.find((each) => each.cascades.length === cascades && each.lanes === lanes)?.memory_after_load_mb.all.median;
  const most = Math.max(...startCases.map(({ cascades }) => cascades.length));
  const lanes = Math.max(...startCases.map((each) => each.lanes));
  const [one, all, lane] = [of(1, lanes), of(most, lanes), of(most, 1)];
  const difference = (more: number | undefined, less: number | undefined, parts: number) =>
    more === undefined || less === undefined || parts === 0 ? undefined : (more - less) / parts;
  return {
    cases,
    /** Gateway and lanes, after load. */
    one_more_lane_mb: difference(all, lane, lanes - 1),
    /** A lane. */
    other_cascades_mb_a_lane: most === 1 ? undefined : difference(all, one, lanes),
  };
}

function reloadsOf({ reloads }: Measured, names: readonly string[]) {
  return {
    policy_ms: spread(reloads.map(({ policyMs }) => policyMs)),
    models_ms: names.map((name) => ({ cascade: name, ...spread(reloads.map(({ models }) => models[name]!)) })),
  };
}
