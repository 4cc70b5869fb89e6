/** A solved frontier beside what it has to beat: the budgeted-batch rule, and what it cannot beat: the oracle. */

import { budgetedBatch } from './budgeted-batch.js';
import { type OperatingPoint, pointAt, pointOn } from './operating-points.js';
import { oracle, shareOfSaving } from './oracle.js';
import type { TuneRecord } from './record.js';
import { refined } from './refine.js';
import { chosen } from './target.js';
import { DEFAULT_TERMS, type Outcome, type Terms, type Walk, walkOf, walkOn } from './walk.js';

/** The same point on the pictures that it was solved on, and on others. */
export interface Judged {
  readonly seen: Outcome;
  readonly heldOut?: Outcome;
}

export function judged(point: OperatingPoint, heldOut: TuneRecord | undefined): Judged {
  return {
    seen: point.outcome,
    ...(heldOut === undefined ? {} : { heldOut: pointOn(heldOut, point).outcome }),
  };
}

/** The rule with one value of q, and the best point of the frontier that costs no more. */
export interface Compared {
  readonly rule: Judged;
  /** Undefined where the rule is cheaper than all of it. */
  readonly tuned: Judged | undefined;
}

/** The rule on the exits of a walk, with the score that MSDNet has: the probability of the guess; cheapest first. */
export function ruleOn(record: TuneRecord, { rungs, terms }: { rungs: Walk['rungs']; terms: Terms }): OperatingPoint[] {
  const walk = walkOf(record, rungs, { ...terms, score: DEFAULT_TERMS.score });
  const points = budgetedBatch(walk).map((thresholds) => pointAt(walk, thresholds, Number.NaN));
  return points
    .sort((a, b) => a.outcome.cost - b.outcome.cost)
    .filter(({ outcome }, i, all) => outcome.cost > (all[i - 1]?.outcome.cost ?? 0));
}

/** @param frontier cheapest first */
export function compared(
  rule: readonly OperatingPoint[],
  frontier: readonly OperatingPoint[],
  heldOut: TuneRecord | undefined,
): Compared[] {
  return rule.map((point) => {
    const tuned = frontier.findLast(({ outcome }) => outcome.cost <= point.outcome.cost);
    return { rule: judged(point, heldOut), tuned: tuned === undefined ? undefined : judged(tuned, heldOut) };
  });
}

/** As good as the full network, and what part of the oracle's saving that is. */
export interface OracleReached {
  readonly point: Judged;
  readonly oracle: Judged;
  readonly share: { readonly seen: number; readonly heldOut?: number };
}

/** Points of quality within which two networks count as equally good. */
const EQUAL = 0.001;

/** The cheapest point that is within 0.1 points of the full network, against the oracle on its route; undefined where even that saves nothing. */
export function oracleReached(
  frontier: readonly OperatingPoint[],
  full: OperatingPoint,
  heldOut: TuneRecord | undefined,
): OracleReached | undefined {
  const target = { maxDrop: EQUAL };
  const near = chosen(frontier, full, target);
  if (near === undefined) return undefined;
  const point = refined(near, full, target);
  const seen = oracle(point.walk);
  if (seen.cost >= full.outcome.cost) return undefined;
  const best: Judged = {
    seen,
    ...(heldOut === undefined ? {} : { heldOut: oracle(walkOn(heldOut, point.walk)) }),
  };
  const both = judged(point, heldOut);
  const share = (which: 'seen' | 'heldOut') =>
    both[which] === undefined ? undefined : shareOfSaving(both[which], best[which]!, full.outcome);
  const there = share('heldOut');
  return {
    point: both,
    oracle: best,
    share: { seen: share('seen')!, ...(there === undefined ? {} : { heldOut: there }) },
  };
}
