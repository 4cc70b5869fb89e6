/** From the nearest operating point to the target itself: prices of an error only give the corners of the frontier. */

import type { OperatingPoint } from './operating-points.js';
import { meets, type Target, thrifty } from './target.js';
import { measureWalk, type Outcome } from './walk.js';

/** Thresholds that are tried at an exit: quantiles of its scores. */
const QUANTILES = Array.from({ length: 25 }, (_, i) => (i + 0.5) / 25);
const MOVES = 40;

/**
 * Moves one threshold at a time as long as the target is met: towards quality where the target is a budget, towards lower cost where
 * it is a drop; each time the move that gets most for what it gives.
 */
export function refined(point: OperatingPoint, full: OperatingPoint, target: Target): OperatingPoint {
  const candidates = point.walk.score.slice(0, -1).map((score) => quantiles(score));
  let best = point;
  for (let move = 0; move < MOVES; move++) {
    const next = bestMove(best, candidates, full, target);
    if (next === undefined) break;
    best = next;
  }
  return best;
}

function bestMove(
  from: OperatingPoint,
  candidates: readonly (readonly number[])[],
  full: OperatingPoint,
  target: Target,
): OperatingPoint | undefined {
  let best: { readonly point: OperatingPoint; readonly worth: number } | undefined;
  for (const [exit, values] of candidates.entries()) {
    for (const value of [...values, null]) {
      const thresholds = from.thresholds.with(exit, value);
      const outcome = measureWalk(from.walk, thresholds);
      const worth = worthOf(from.outcome, outcome, target);
      if (worth <= (best?.worth ?? 0) || !meets(outcome, full, target)) continue;
      best = { point: { ...from, thresholds, outcome }, worth };
    }
  }
  return best?.point;
}

/** What a move gets for each unit that it gives; 0 when it goes the wrong way. */
function worthOf(before: Outcome, after: Outcome, target: Target): number {
  const saved = (before.cost - after.cost) / before.cost;
  const quality = after.quality - before.quality;
  const [gets, gives] = thrifty(target) ? [saved, -quality] : [quality, -saved];
  if (gets <= 1e-6) return 0;
  return gives <= 1e-6 ? gets * 1e6 : gets / gives;
}

function quantiles(score: Float64Array): number[] {
  const sorted = Float64Array.from(score).sort();
  const at = QUANTILES.map((q) => sorted[Math.floor(q * sorted.length)]!);
  return [...new Set(at.map((value) => Number(value.toFixed(3))))];
}
