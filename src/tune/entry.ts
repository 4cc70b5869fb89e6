/** Fits the rule of entry by content, and says what it gains over entering at the first rung. */

import { CONTENT, type Content, climbProbability, type Entry, entryLeg } from '../policy/entry.js';
import type { OperatingPoint } from './operating-points.js';
import { measureWalk, type Outcome, type Walk } from './record.js';

/** A rule with its effect on pictures that had no part in finding it. */
export interface FittedEntry {
  readonly entry: Entry;
  /** Share of mean MACs that it saves. */
  readonly gain: number;
  /** Change of the expected top-1, as a share. */
  readonly top1Change: number;
  /** Share of pictures that it sends past the first rung. */
  readonly sent: number;
  /** Of all pictures, with the rule. */
  readonly outcome: Outcome;
}

const STEPS = 1000;
/** Of standardised weights; keeps them finite where a feature separates the pictures. */
const RIDGE = 1e-3;
/** Candidates for the probability from which on a picture enters late. */
const ABOVE = [0.5, 0.6, 0.7, 0.8, 0.9];
/** Digits of the numbers in a policy. */
const PRECISION = 6;

/**
 * The rule that saves most on the first half of the pictures without costing quality there, judged on the second half; undefined when
 * the route has one rung only. Pictures must come in no order.
 */
export function fitEntry(point: OperatingPoint, content: readonly Content[]): FittedEntry | undefined {
  const half = Math.floor(content.length / 2);
  const tell = (outcome: Outcome, first: number, last: number) => means(point.walk, outcome, first, last);
  const before = tell(point.outcome, 0, half);
  let best: { readonly entry: Entry; readonly outcome: Outcome; readonly macs: number } | undefined;
  for (let leg = 1; leg < point.walk.rungs.length; leg++) {
    const start = point.walk.starts[leg]!;
    const climbs = Array.from(point.outcome.exits, (exit) => Number(exit >= start));
    const model = rounded(logistic(content.slice(0, half), climbs.slice(0, half)));
    for (const above of ABOVE) {
      const entry: Entry = { leg, above, ...model };
      const outcome = measureWalk(point.walk, point.thresholds, enteredAt(point.walk, entry, content));
      const { macs, top1 } = tell(outcome, 0, half);
      if (best === undefined || (top1 >= before.top1 && macs < best.macs)) best = { entry, outcome, macs };
    }
  }
  if (best === undefined) return undefined;
  const [without, with_] = [tell(point.outcome, half, content.length), tell(best.outcome, half, content.length)];
  return {
    entry: best.entry,
    gain: 1 - with_.macs / without.macs,
    top1Change: with_.top1 - without.top1,
    sent: content.filter((each) => climbProbability(best.entry, each) >= best.entry.above).length / content.length,
    outcome: best.outcome,
  };
}

/** First exit of each picture. */
function enteredAt(walk: Walk, entry: Entry, content: readonly Content[]): Int32Array {
  return Int32Array.from(content, (each) => walk.starts[entryLeg(entry, each)]!);
}

/** Mean MACs and expected top-1 of some of the pictures. */
function means(walk: Walk, { exits, spent }: Outcome, first: number, last: number): { macs: number; top1: number } {
  let [macs, belief] = [0, 0];
  for (let i = first; i < last; i++) {
    macs += spent[i]!;
    belief += walk.belief[exits[i]!]![i]!;
  }
  return { macs: macs / (last - first), top1: belief / (last - first) };
}

/** As a policy holds it: what is judged here is what will be served. */
function rounded({ intercept, weights }: { intercept: number; weights: readonly number[] }) {
  const short = (value: number) => Number(value.toPrecision(PRECISION));
  return { intercept: short(intercept), weights: weights.map(short) };
}

/** Logistic regression by gradient descent on standardised features; the weights that come back are for the raw ones. */
export function logistic(
  rows: readonly Content[],
  targets: readonly number[],
): { readonly intercept: number; readonly weights: readonly number[] } {
  const mean = (of: (row: Content) => number) => rows.reduce((sum, row) => sum + of(row), 0) / rows.length;
  const centres = CONTENT.map((_, c) => mean((row) => row[c]!));
  // A feature that (nearly) never changes says nothing.
  const spread = (c: number) => {
    const deviation = Math.sqrt(mean((row) => (row[c]! - centres[c]!) ** 2));
    return deviation > 1e-6 * Math.max(1, Math.abs(centres[c]!)) ? deviation : Number.POSITIVE_INFINITY;
  };
  const spreads = CONTENT.map((_, c) => spread(c));
  const x = rows.map((row) => [1, ...row.map((value, c) => (value - centres[c]!) / spreads[c]!)]);
  const beta = new Array<number>(CONTENT.length + 1).fill(0);
  for (let step = 0; step < STEPS; step++) {
    const gradient = beta.map((b, c) => (c === 0 ? 0 : -RIDGE * b));
    for (const [i, row] of x.entries()) {
      const p = 1 / (1 + Math.exp(-row.reduce((sum, value, c) => sum + value * beta[c]!, 0)));
      for (const [c, value] of row.entries()) gradient[c]! += (value * (targets[i]! - p)) / rows.length;
    }
    // The curvature is at most a quarter of the number of weights: this step never overshoots.
    for (const [c, slope] of gradient.entries()) beta[c]! += slope * (4 / beta.length);
  }
  const weights = beta.slice(1).map((b, c) => b / spreads[c]!);
  return { intercept: beta[0]! - weights.reduce((sum, w, c) => sum + w * centres[c]!, 0), weights };
}
