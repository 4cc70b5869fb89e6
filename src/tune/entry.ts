/** Fits the rule of entry by content, and says what it gains over entering at the first rung. */

import { type Content, type Entry, entryLeg } from '../policy/entry.js';
import { enteredAt } from './entry-place.js';
import { logistic, rounded } from './logistic.js';
import type { OperatingPoint } from './operating-points.js';
import { measureWalk, type Outcome, spentBy, type Walk } from './walk.js';

/** A rule with its effect on pictures that had no part in finding it. */
export interface FittedEntry {
  readonly entry: Entry;
  /** Share of the mean cost that it saves. */
  readonly gain: number;
  /** Change of the expected quality, as a share. */
  readonly qualityChange: number;
  /** Share of pictures that it sends past the first rung. */
  readonly sent: number;
  /** Of all pictures, with the rule. */
  readonly outcome: Outcome;
}

/** Candidates for the probability from which on a picture enters late. */
const ABOVE = [0.5, 0.6, 0.7, 0.8, 0.9];

/**
 * The rule that saves most on the first half of the pictures without costing quality there, judged on the second half; undefined when
 * the route has one rung only. Pictures must come in no order.
 */
export function fitEntry(point: OperatingPoint, content: readonly Content[]): FittedEntry | undefined {
  const half = Math.floor(content.length / 2);
  const tell = (outcome: Outcome, first: number, last: number) => means(point.walk, outcome, first, last);
  const before = tell(point.outcome, 0, half);
  type Candidate = { readonly entry: Entry; readonly outcome: Outcome; readonly cost: number; readonly keeps: boolean };
  let best: Candidate | undefined;
  for (let leg = 1; leg < point.walk.rungs.length; leg++) {
    const start = point.walk.starts[leg]!;
    const climbs = Array.from(point.outcome.exits, (exit) => Number(exit >= start));
    const model = rounded(logistic(content.slice(0, half), climbs.slice(0, half)));
    for (const above of ABOVE) {
      const entry: Entry = { leg, above, ...model };
      const outcome = measureWalk(point.walk, point.thresholds, enteredAt(point.walk, entry, content));
      const { cost, quality } = tell(outcome, 0, half);
      const keeps = quality >= before.quality;
      // Where none keeps the quality the first one shows what that would have been worth.
      if (best === undefined || (keeps && (!best.keeps || cost < best.cost))) best = { entry, outcome, cost, keeps };
    }
  }
  if (best === undefined) return undefined;
  const [without, with_] = [tell(point.outcome, half, content.length), tell(best.outcome, half, content.length)];
  return {
    entry: best.entry,
    gain: 1 - with_.cost / without.cost,
    qualityChange: with_.quality - without.quality,
    sent: content.filter((each) => entryLeg(best.entry, each) > 0).length / content.length,
    outcome: best.outcome,
  };
}

/** Mean cost and quality of some of the pictures. */
function means(walk: Walk, outcome: Outcome, first: number, last: number): { cost: number; quality: number } {
  let [cost, quality] = [0, 0];
  for (let i = first; i < last; i++) {
    cost += spentBy(outcome, walk.cost, i);
    quality += walk.quality[outcome.exits[i]!]![i]!;
  }
  return { cost: cost / (last - first), quality: quality / (last - first) };
}
