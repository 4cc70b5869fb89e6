/** Every route and price, measured: the operating points among which a policy is chosen. */

import type { Entry } from '../policy/entry.js';
import { budgetedBatch } from './budgeted-batch.js';
import { enteredAt } from './entry-place.js';
import type { RecordedRung, TuneRecord } from './record.js';
import { solveThresholds } from './thresholds.js';
import {
  DEFAULT_TERMS,
  measureWalk,
  type Outcome,
  type Terms,
  type Thresholds,
  type Walk,
  walkOf,
  walkOn,
} from './walk.js';

export interface OperatingPoint {
  /** What an error was worth, in the unit of the walk's cost. */
  readonly price: number;
  readonly walk: Walk;
  readonly thresholds: Thresholds;
  /** Entry by content, where it was found worth its lines. */
  readonly entry?: Entry;
  readonly outcome: Outcome;
}

/** Cost of the full network that one error is worth, from "hardly any" to "nearly any price". */
const PRICES = Array.from({ length: 48 }, (_, i) => 0.25 * 1.16 ** i);
/** Rungs in a route: every further one adds its cost to all that pass it. */
const LONGEST_ROUTE = 5;

/** The static choice: the last rung to its last exit. */
export function fullPoint(record: TuneRecord, terms: Terms = DEFAULT_TERMS): OperatingPoint {
  const walk = walkOf(record, record.rungs.slice(-1), terms);
  const thresholds = walk.score.map(() => null);
  return pointAt(walk, thresholds, Number.POSITIVE_INFINITY);
}

/** A walk with thresholds, measured on the pictures of the walk. */
export function pointAt(walk: Walk, thresholds: Thresholds, price: number): OperatingPoint {
  return { price, walk, thresholds, outcome: measureWalk(walk, thresholds) };
}

/** The same point, measured on other pictures of its cascade. */
export function pointOn(record: TuneRecord, point: OperatingPoint): OperatingPoint {
  const walk = walkOn(record, point.walk);
  const entered = point.entry === undefined ? undefined : enteredAt(walk, point.entry, record.content);
  return { ...point, walk, outcome: measureWalk(walk, point.thresholds, entered) };
}

function pointOf(walk: Walk, price: number): OperatingPoint {
  return pointAt(walk, solveThresholds(walk, price), price);
}

/**
 * All routes (rungs in the order of the record) at all prices, every exit alone for all pictures, the thresholds of the budgeted-batch rule
 * on each route (so that the frontier is never below that rule), and the best of them with some exits left out; cheapest first.
 */
export function operatingPoints(
  record: TuneRecord,
  full: OperatingPoint,
  progress: (done: number, of: number) => void,
): OperatingPoint[] {
  const routes = routesOf(record.rungs);
  const points = routes.flatMap((rungs, done) => {
    progress(done, routes.length);
    const walk = walkOf(record, rungs, full.walk.terms);
    const solved = PRICES.map((price) => pointOf(walk, price * full.outcome.cost));
    const ruled = budgetedBatch(walk).map((thresholds) => pointAt(walk, thresholds, full.outcome.cost));
    // Most of them are beaten within their own route.
    return frontier(byCost([...solved, ...ruled]));
  });
  // The full network is one of them where its rung may be used, and comes before its like.
  const whole = byCost([...(isWithin(record, full) ? [full] : []), ...points, ...alone(record, full.walk.terms)]);
  return byCost([...whole, ...frontier(whole).map((point) => shortened(record, point))]);
}

/** Every exit alone, for all pictures: the cheapest that there is among them. */
function alone(record: TuneRecord, terms: Terms): OperatingPoint[] {
  return record.rungs.flatMap(({ id, exits }) =>
    exits.map((_, k) => {
      const walk = walkOf(record, [{ id, exits: exits.slice(0, k + 1) }], terms);
      const nobodyLeaves = walk.score.map(() => null);
      return pointAt(walk, nobodyLeaves, 0);
    }),
  );
}

/** Whether all rungs of its route are among those of the record. */
export function isWithin(record: TuneRecord, { walk }: OperatingPoint): boolean {
  return walk.rungs.every((used) => record.rungs.some(({ id }) => id === used.id));
}

/** Cheapest first; of equal cost the better one first. */
export function byCost(points: readonly OperatingPoint[]): OperatingPoint[] {
  return [...points].sort((a, b) => a.outcome.cost - b.outcome.cost || b.outcome.quality - a.outcome.quality);
}

/** Leaves out the deepest exits of rungs where the next rung is the better place to spend on those who are still there. */
function shortened(record: TuneRecord, point: OperatingPoint): OperatingPoint {
  const value = ({ price, outcome }: OperatingPoint) => outcome.cost + price * (1 - outcome.quality);
  let best = point;
  for (const leg of point.walk.rungs.keys()) {
    for (;;) {
      const { id, exits } = best.walk.rungs[leg]!;
      if (exits.length === 1) break;
      const rungs = best.walk.rungs.with(leg, { id, exits: exits.slice(0, -1) });
      const shorter = pointOf(walkOf(record, rungs, point.walk.terms), best.price);
      if (value(shorter) > value(best)) break;
      best = shorter;
    }
  }
  return best;
}

/** The same point without the last rungs of its route that no picture came to. */
export function trimmed(record: TuneRecord, point: OperatingPoint): OperatingPoint {
  const { walk, thresholds, outcome } = point;
  const last = walk.starts.at(-1)!;
  if (walk.rungs.length === 1 || outcome.exits.some((exit) => exit >= last)) return point;
  const shorter = walkOf(record, walk.rungs.slice(0, -1), walk.terms, {
    ...(walk.gates === undefined ? {} : { gates: walk.gates.slice(0, last) }),
    ...(walk.blend === undefined ? {} : { blend: walk.blend.slice(0, last) }),
  });
  return trimmed(record, pointAt(shorter, [...thresholds.slice(0, last - 1), null], point.price));
}

/**
 * The route that is left of a walk where no picture may need more than so many milliseconds: what lies beyond is cut off. Such points
 * meet a latency that those with all exits miss.
 */
export function cutAt(record: TuneRecord, points: readonly OperatingPoint[], limitMs: number): OperatingPoint[] {
  return points.flatMap(({ walk, price }) => {
    const kept = walk.rungs
      .map(({ id, exits }, leg) => ({ id, exits: exits.filter((_, k) => walk.ms[walk.starts[leg]! + k]! <= limitMs) }))
      .filter(({ exits }) => exits.length > 0);
    return kept.length === 0 ? [] : [pointOf(walkOf(record, kept, walk.terms), price)];
  });
}

function routesOf(rungs: readonly RecordedRung[]): RecordedRung[][] {
  let routes: RecordedRung[][] = [[]];
  for (const rung of rungs)
    routes = routes.flatMap((route) => (route.length < LONGEST_ROUTE ? [route, [...route, rung]] : [route]));
  return routes.filter(({ length }) => length > 0);
}

/** The points that no other one beats in both: the quality rises with the cost. @param points cheapest first */
export function frontier(points: readonly OperatingPoint[]): OperatingPoint[] {
  let best = -1;
  return points.filter(({ outcome }) => {
    if (outcome.quality <= best) return false;
    best = outcome.quality;
    return true;
  });
}
