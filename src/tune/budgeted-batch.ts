/** The rule of MSDNet for budgeted batch classification (arXiv 1703.09844, section 5): the baseline that tuning has to beat. */

import { lowest } from './scores.js';
import { between, ordersOf } from './thresholds.js';
import type { Thresholds, Walk } from './walk.js';

/** As in the authors' code: q of 0.05, 0.1 ... 1.95; small ones leave early, those above 1 late. */
const Q = Array.from({ length: 39 }, (_, i) => (i + 1) / 20);

/** Share of the pictures that is meant to leave at each of `exits` exits: q^k, k from 1, made to add up to 1. */
export function shares(exits: number, q: number): number[] {
  const weights = Array.from({ length: exits }, (_, k) => q ** (k + 1));
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => weight / sum);
}

/** One row of thresholds for each value of q. */
export function budgetedBatch(walk: Walk): Thresholds[] {
  return Q.map((q) => thresholdsFor(walk, ordersOf(walk), shares(walk.cost.length, q)));
}

/**
 * Exit after exit, the threshold is the score of the picture that fills the exit's share when those that are still there leave surest
 * first. It is written with as few digits as let the same pictures leave.
 */
function thresholdsFor(walk: Walk, orders: readonly Int32Array[], share: readonly number[]): Thresholds {
  const gone = new Uint8Array(walk.pictures);
  return walk.score.map((score, exit) => {
    if (exit === walk.score.length - 1) return null;
    const wanted = Math.floor(walk.pictures * share[exit]!);
    const waiting = orders[exit]!.filter((picture) => gone[picture] === 0);
    if (wanted === 0 || waiting.length === 0) return null;
    const high = score[waiting[Math.min(wanted, waiting.length) - 1]!]!;
    const next = waiting.find((picture) => score[picture]! < high);
    const threshold = next === undefined ? lowest(walk.terms.score) : shortest(score[next]!, high);
    for (const picture of waiting) if (score[picture]! >= threshold) gone[picture] = 1;
    return threshold;
  });
}

function shortest(low: number, high: number): number {
  for (let digits = 3; digits <= 9; digits++) {
    const cut = between(low, high, digits);
    if (cut !== undefined) return cut;
  }
  return high;
}
