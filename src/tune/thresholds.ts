/** Thresholds of a walk for one price of an error: the Lagrangian of cost against quality, minimised one exit at a time. */

import { lowest } from './scores.js';
import { leavesAt, type Thresholds, type Walk } from './walk.js';

/** More sweeps than any walk has needed to settle. */
const SWEEPS = 12;

/**
 * Minimises mean cost + price x (1 - quality). Each exit in turn, deepest first, takes the very best threshold that there is while the
 * others stay: the pictures that reach it are sorted by score, and the best place to cut that row is found with one running sum.
 * @param price what an error is worth, in the unit of the walk's cost
 * @param digits thresholds have at most so many decimals
 */
export function solveThresholds(walk: Walk, price: number, digits = 3): Thresholds {
  const last = walk.cost.length - 1;
  const thresholds: (number | null)[] = walk.score.map(() => null);
  const orders = ordersOf(walk);
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    let changed = false;
    for (let exit = last - 1; exit >= 0; exit--) {
      const best = bestThreshold(walk, thresholds, exit, orders[exit]!, price, digits);
      changed ||= best !== thresholds[exit];
      thresholds[exit] = best;
    }
    if (!changed) break;
  }
  return thresholds;
}

const orders = new WeakMap<Walk, readonly Int32Array[]>();

/** By exit but the last: the pictures, surest first. Sorted once for a walk: they are the same for every price. */
export function ordersOf(walk: Walk): readonly Int32Array[] {
  const known = orders.get(walk) ?? walk.score.slice(0, -1).map(sortedByScore);
  orders.set(walk, known);
  return known;
}

function sortedByScore(score: Float64Array): Int32Array {
  return Int32Array.from(score.keys()).sort((a, b) => score[b]! - score[a]!);
}

function bestThreshold(
  walk: Walk,
  thresholds: Thresholds,
  exit: number,
  order: Int32Array,
  price: number,
  digits: number,
): number | null {
  const score = walk.score[exit]!;
  const value = (at: number, picture: number) => walk.cost[at]! + price * (1 - walk.quality[at]![picture]!);
  let sum = 0;
  let least = 0;
  let best: number | null = null;
  let passed: number | undefined;
  for (const picture of order) {
    if (leavesAt(walk, thresholds, picture, 0, exit) < exit) continue;
    const here = score[picture]!;
    // A threshold can only lie between two different scores.
    if (passed !== undefined && here < passed && sum < least) {
      const cut = between(here, passed, digits);
      if (cut !== undefined) {
        least = sum;
        best = cut;
      }
    }
    const later = leavesAt(walk, thresholds, picture, exit + 1);
    sum += value(exit, picture) - value(later, picture);
    passed = here;
  }
  return sum < least ? lowest(walk.terms.score) : best;
}

/** A number of few digits in (low, high]; undefined when there is none. */
export function between(low: number, high: number, digits: number): number | undefined {
  const scale = 10 ** digits;
  const cut = Math.floor(high * scale) / scale;
  return cut > low ? cut : undefined;
}
