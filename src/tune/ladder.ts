/** The operating points that a policy holds beside the chosen one: cheaper ones, for hours of load. */

import { frontier, type OperatingPoint } from './operating-points.js';

/**
 * `count` points from `first` down to the cheapest, dear to cheap, as evenly in the logarithm of their cost as the frontier allows.
 * Fewer where it does not hold so many.
 * @param points cheapest first
 */
export function ladder(first: OperatingPoint, points: readonly OperatingPoint[], count: number): OperatingPoint[] {
  // Cheaper in MACs, too, where milliseconds were solved for: that is what a policy's points are ordered by.
  const below = frontier(points).filter(
    ({ outcome }) => outcome.cost < first.outcome.cost && outcome.macs < first.outcome.macs,
  );
  const cheapest = below[0];
  if (cheapest === undefined || count === 1) return [first];
  const ratio = cheapest.outcome.cost / first.outcome.cost;
  const steps = Array.from({ length: count - 1 }, (_, i) => {
    const wanted = Math.log(first.outcome.cost * ratio ** ((i + 1) / (count - 1)));
    const away = (point: OperatingPoint) => Math.abs(Math.log(point.outcome.cost) - wanted);
    return below.reduce((best, point) => (away(point) < away(best) ? point : best));
  });
  const rungs = [first];
  for (const step of steps) if (step.outcome.macs < rungs.at(-1)!.outcome.macs) rungs.push(step);
  return rungs;
}

/** Names that say what the points cost: `cost-40` spends 40 % of the full network's MACs. */
export function namesOf(points: readonly OperatingPoint[], fullMacs: number): string[] {
  for (let digits = 0; ; digits++) {
    const names = points.map(({ outcome }) => `cost-${((100 * outcome.macs) / fullMacs).toFixed(digits)}`);
    if (new Set(names).size === names.length) return names;
  }
}
