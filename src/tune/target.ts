/** What a policy shall reach, and which operating points do. */

import type { OperatingPoint } from './operating-points.js';
import type { Outcome, Terms } from './walk.js';

export type Target =
  /**
   * Points of quality below the full network, as a share (0.005: half a point). With a least share of answers that are those of the full network
   * the points are of top-1 alone.
   */
  | { readonly maxDrop: number; readonly minAgreement?: number }
  /** Mean multiply-accumulates of a picture. */
  | { readonly budgetMacs: number }
  /** Mean milliseconds of inference of a picture. */
  | { readonly budgetMs: number }
  /** Milliseconds of inference within which 95 % of the pictures are answered. */
  | { readonly latencyP95Ms: number }
  /** Share of answers that may differ from the full network's on pictures that are yet to come, and the probability that it is kept. */
  | { readonly risk: number; readonly confidence: number };

/** Whether it asks for the cheapest point of a quality, and not for the best one of a cost. */
export function thrifty(target: Target): boolean {
  return 'maxDrop' in target || 'risk' in target;
}

/** What the search has to save for it. */
export function unitOf(target: Target): Terms['unit'] {
  return 'budgetMs' in target || 'latencyP95Ms' in target ? 'ms' : 'macs';
}

/** A drop must be kept by what was measured and by what is expected, or by agreement where that is asked for. */
export function meets(outcome: Outcome, full: OperatingPoint, target: Target): boolean {
  if ('budgetMacs' in target) return outcome.macs <= target.budgetMacs;
  if ('budgetMs' in target) return outcome.ms <= target.budgetMs;
  if ('latencyP95Ms' in target) return outcome.p95Ms <= target.latencyP95Ms;
  if ('risk' in target) return 1 - outcome.agreement <= target.risk;
  const { maxDrop, minAgreement } = target;
  if (full.outcome.top1 - outcome.top1 > maxDrop) return false;
  return minAgreement === undefined
    ? full.outcome.quality - outcome.quality <= maxDrop
    : outcome.agreement >= minAgreement;
}

/** The cheapest point that keeps the quality, or the best one within the budget. @param points cheapest first */
export function chosen(
  points: readonly OperatingPoint[],
  full: OperatingPoint,
  target: Target,
): OperatingPoint | undefined {
  const good = points.filter(({ outcome }) => meets(outcome, full, target));
  if (thrifty(target)) return good[0];
  return good.reduce<OperatingPoint | undefined>(
    (best, point) => (best !== undefined && best.outcome.quality >= point.outcome.quality ? best : point),
    undefined,
  );
}
