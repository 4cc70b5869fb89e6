/** Every route and price, measured: the operating points among which a policy is chosen. */

import { measureWalk, type Outcome, type RecordedRung, type TuneRecord, type Walk, walkOf } from './record.js';
import { solveThresholds, type Thresholds } from './thresholds.js';

export interface OperatingPoint {
  /** MACs that an error was worth. */
  readonly price: number;
  readonly walk: Walk;
  readonly thresholds: Thresholds;
  readonly outcome: Outcome;
}

/** What a policy may cost. */
export type Target =
  /** Points of top-1 below the full network, as a share (0.005: half a point). */
  | { readonly maxDrop: number }
  /** Mean multiply-accumulates of a picture. */
  | { readonly budgetMacs: number };

/** MACs of the full network that one error is worth, from "hardly any" to "nearly any price". */
const PRICES = Array.from({ length: 48 }, (_, i) => 0.25 * 1.16 ** i);
/** Rungs in a route: every further one adds its cost to all that pass it. */
const LONGEST_ROUTE = 5;

/** The static choice: the last rung to its last exit. */
export function fullPoint(record: TuneRecord): OperatingPoint {
  const walk = walkOf(record, record.rungs.slice(-1));
  const thresholds = walk.score.map(() => null);
  return { price: Number.POSITIVE_INFINITY, walk, thresholds, outcome: measureWalk(walk, thresholds) };
}

function pointOf(walk: Walk, price: number): OperatingPoint {
  const thresholds = solveThresholds(walk, price);
  return { price, walk, thresholds, outcome: measureWalk(walk, thresholds) };
}

/** All routes (rungs in the order of the record) at all prices, and the best of them with some exits left out; cheapest first. */
export function operatingPoints(
  record: TuneRecord,
  full: OperatingPoint,
  progress: (done: number, of: number) => void,
): OperatingPoint[] {
  const routes = routesOf(record.rungs);
  const points = routes.flatMap((rungs, done) => {
    progress(done, routes.length);
    const walk = walkOf(record, rungs);
    // Most of them are beaten within their own route.
    return frontier(byCost(PRICES.map((price) => pointOf(walk, price * full.outcome.macs))));
  });
  const whole = byCost([...points, full]);
  return byCost([...whole, ...frontier(whole).map((point) => shortened(record, point))]);
}

function byCost(points: readonly OperatingPoint[]): OperatingPoint[] {
  return [...points].sort((a, b) => a.outcome.macs - b.outcome.macs || b.outcome.expected - a.outcome.expected);
}

/** Leaves out the deepest exits of rungs where the next rung is the better place to spend on those who are still there. */
function shortened(record: TuneRecord, point: OperatingPoint): OperatingPoint {
  const value = ({ price, outcome }: OperatingPoint) => outcome.macs + price * (1 - outcome.expected);
  let best = point;
  for (const leg of point.walk.rungs.keys()) {
    for (;;) {
      const { id, exits } = best.walk.rungs[leg]!;
      if (exits.length === 1) break;
      const rungs = best.walk.rungs.with(leg, { id, exits: exits.slice(0, -1) });
      const shorter = pointOf(walkOf(record, rungs), best.price);
      if (value(shorter) > value(best)) break;
      best = shorter;
    }
  }
  return best;
}

function routesOf(rungs: readonly RecordedRung[]): RecordedRung[][] {
  let routes: RecordedRung[][] = [[]];
  for (const rung of rungs)
    routes = routes.flatMap((route) => (route.length < LONGEST_ROUTE ? [route, [...route, rung]] : [route]));
  return routes.filter(({ length }) => length > 0);
}

/** The points that no other one beats in both: the expected top-1 rises with the cost. @param points cheapest first */
export function frontier(points: readonly OperatingPoint[]): OperatingPoint[] {
  let best = -1;
  return points.filter(({ outcome }) => {
    if (outcome.expected <= best) return false;
    best = outcome.expected;
    return true;
  });
}

/** A drop must be kept by what was measured and by what is expected. */
export function meets(outcome: Outcome, full: OperatingPoint, target: Target): boolean {
  if ('budgetMacs' in target) return outcome.macs <= target.budgetMacs;
  const drop = Math.max(full.outcome.top1 - outcome.top1, full.outcome.expected - outcome.expected);
  return drop <= target.maxDrop;
}

/** The cheapest point that keeps the quality, or the best one within the budget. @param points as of {@link frontier} */
export function chosen(
  points: readonly OperatingPoint[],
  full: OperatingPoint,
  target: Target,
): OperatingPoint | undefined {
  const good = points.filter(({ outcome }) => meets(outcome, full, target));
  return 'maxDrop' in target ? good[0] : good.at(-1);
}
