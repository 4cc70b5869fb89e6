/** Operating points that keep to the full network's answers, with a guarantee: see risk.ts, and "Fast yet Safe", arXiv 2405.20915. */

import { type OperatingPoint, pointOn } from './operating-points.js';
import type { TuneRecord } from './record.js';
import { fixedSequence } from './risk.js';

/** What is promised of answers to pictures like those that it was tested on. */
export interface Guarantee {
  /** At most this share of them differs from the full network's. */
  readonly risk: number;
  /** The probability that the promise is true, over the draw of the pictures. */
  readonly confidence: number;
  /** How many it was tested on. */
  readonly pictures: number;
}

/**
 * From safest to riskiest, as the pictures say on which they were solved; of equal risk the dearer one comes first. The full network
 * itself needs no test and is left out.
 */
export function safestFirst(points: readonly OperatingPoint[]): OperatingPoint[] {
  return points
    .filter(({ price }) => price !== Number.POSITIVE_INFINITY)
    .sort((a, b) => b.outcome.agreement - a.outcome.agreement || b.outcome.cost - a.outcome.cost);
}

/**
 * Those of `path` that are safe with the stated confidence.
 * @param path as of {@link safestFirst}, solved on other pictures than `tested`: else there is no promise
 */
export function safePoints(
  path: readonly OperatingPoint[],
  tested: TuneRecord,
  { risk, confidence, pictures }: Guarantee,
): OperatingPoint[] {
  return path.slice(0, fixedSequence(lossesOf(path, tested), pictures, risk, confidence));
}

/** One after the other: few of them are looked at. */
function* lossesOf(path: readonly OperatingPoint[], tested: TuneRecord): Generator<number> {
  for (const point of path) yield 1 - pointOn(tested, point).outcome.agreement;
}
