/** The controller: which operating point serves, by the goal of the policy and the load of the moment. Pure. */

import type { Expected } from './plan.js';
import type { Goal } from './schema.js';

/** What the last moments were like, for one policy on one cascade. */
export interface Load {
  /** Requests that came in. */
  readonly ratePerSecond: number;
  /** Lane milliseconds of a request that no point saves: decoding. */
  readonly fixedMs: number;
  /** Lane milliseconds of a request that grow with its multiply-accumulates, at the point that serves now. */
  readonly inferenceMs: number;
  /** What that was at other points while they served, by their multiply-accumulates. */
  readonly remembered: ReadonlyMap<number, number>;
  /** Lanes that work. */
  readonly lanes: number;
  /** Lanes' worth of work of all other requests. */
  readonly othersBusy: number;
  /** How long a request that comes in now waits for a lane. */
  readonly waitMs: number;
}

/** The state of the controller. */
export interface Course {
  /** Index of the point that serves. */
  readonly point: number;
  /** Since when the next dearer point would do; undefined while it would not. */
  readonly calmSinceMs: number | undefined;
}

/**
 * Share of the time until the latency goal, without decoding, which no point saves: when waiting and inference take more, cheaper points begin to
 * serve; dearer ones may again when waiting alone takes less than the lesser share, and they would not be too much at once.
 */
const TENSE = 0.5;
const CALM = 0.25;
/** Share of the lanes' time that a point may take when the controller goes to it: cheaper at once, dearer only with room to spare. */
const FULL = 0.85;
const ROOMY = 0.7;
/** A dearer point must look good for so long: load comes in waves. */
const PATIENCE_MS = 3000;

/**
 * To cheaper points at once and as far as it takes; to dearer ones a step at a time, each after a calm while.
 * @param points dear to cheap
 * @param last index of the cheapest one that may serve
 */
export function steer(
  goal: Goal,
  points: readonly Expected[],
  last: number,
  course: Course,
  load: Load,
  nowMs: number,
): Course {
  const point = Math.min(course.point, last);
  const now = { goal, points, point, load };
  if (isTense(now) && point < last) {
    const cheaper = points.findIndex((_, at) => at > point && at <= last && fits(now, at, FULL));
    return { point: cheaper < 0 ? last : cheaper, calmSinceMs: undefined };
  }
  if (point === 0 || !isCalm(now)) return { point, calmSinceMs: undefined };
  const calmSinceMs = course.calmSinceMs ?? nowMs;
  if (nowMs - calmSinceMs < PATIENCE_MS) return { point, calmSinceMs };
  return { point: point - 1, calmSinceMs: undefined };
}

interface Now {
  readonly goal: Goal;
  readonly points: readonly Expected[];
  readonly point: number;
  readonly load: Load;
}

function isTense({ goal, points, point, load }: Now): boolean {
  if (goal.macs_per_second !== undefined) return load.ratePerSecond * points[point]!.macs > goal.macs_per_second;
  return load.waitMs + load.inferenceMs > TENSE * savableMs(goal, load);
}

function isCalm(now: Now): boolean {
  const { goal, load, point } = now;
  const room = fits(now, point - 1, ROOMY);
  if (goal.latency_p95_ms === undefined || !room) return room;
  const most = savableMs(goal, load);
  return load.waitMs < CALM * most && load.waitMs + inferenceAt(now, point - 1) < TENSE * most;
}

/** Milliseconds until the goal that points have a say in. */
function savableMs({ latency_p95_ms }: Goal, { fixedMs }: Load): number {
  return latency_p95_ms! - fixedMs;
}

/** Whether the load is within `share` of what there is, were it served by another point. */
function fits(now: Now, at: number, share: number): boolean {
  const { goal, points, load } = now;
  const { ratePerSecond, fixedMs, lanes, othersBusy } = load;
  if (goal.macs_per_second !== undefined) return ratePerSecond * points[at]!.macs <= share * goal.macs_per_second;
  return othersBusy + (ratePerSecond * (fixedMs + inferenceAt(now, at))) / 1000 <= share * lanes;
}

/** Lane milliseconds of inference of a request, were it served by another point. */
function inferenceAt({ points, point, load: { inferenceMs, remembered } }: Now, at: number): number {
  const { macs } = points[at]!;
  const inProportion = (inferenceMs * macs) / points[point]!.macs;
  // Of a cheap point much is not multiplying: in proportion to it a far dearer one would look as if it never fitted again.
  return Math.min(inProportion, remembered.get(macs) ?? inProportion);
}
