/** Fits the rule of entry by content, and says what it gains over entering at the first rung. */

import { CONTENT, type Content, climbProbability, type Entry } from '../policy/entry.js';
import type { OperatingPoint } from './operating-points.js';
import { measureWalk } from './record.js';

/** A rule with its effect on pictures that it was not fitted on. */
export interface FittedEntry {
  readonly entry: Entry;
  /** Share of mean MACs that it saves. */
  readonly gain: number;
  /** Change of top-1, as a share. */
  readonly top1Change: number;
  /** Share of pictures that it sends past the first rung. */
  readonly sent: number;
}

const STEPS = 1000;
/** Of standardised weights; keeps them finite where a feature separates the pictures. */
const RIDGE = 1e-3;

/** The best rule for a point, for each later rung of its route; undefined when the route has one rung only. */
export function fitEntry(point: OperatingPoint, content: readonly Content[]): FittedEntry | undefined {
  const fitted: FittedEntry[] = [];
  for (let leg = 1; leg < point.walk.rungs.length; leg++) fitted.push(...rulesFor(point, content, leg));
  // Cheaper, and no worse.
  return fitted.sort((a, b) => Number(b.top1Change >= 0) - Number(a.top1Change >= 0) || b.gain - a.gain)[0];
}

function rulesFor(
  { walk, thresholds, outcome }: OperatingPoint,
  content: readonly Content[],
  leg: number,
): FittedEntry[] {
  const start = walk.starts[leg]!;
  const climbs = Array.from(outcome.exits, (exit) => Number(exit >= start));
  // Even pictures fit the model, odd ones say what it is worth.
  const even = content.map((_, i) => i).filter((i) => i % 2 === 0);
  const model = logistic(
    even.map((i) => content[i]!),
    even.map((i) => climbs[i]!),
  );
  const odd = (values: readonly number[]) => values.filter((_, i) => i % 2 === 1);
  const mean = (values: readonly number[]) =>
    values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
  const tell = (entered?: Int32Array) => {
    const { exits } = measureWalk(walk, thresholds, entered);
    const spent = Array.from(exits, (exit, i) => walk.cost[exit]! - (entered?.[i] ? walk.cost[start - 1]! : 0));
    return { macs: mean(odd(spent)), top1: mean(odd(Array.from(exits, (exit, i) => walk.right[exit]![i]!))) };
  };
  const before = tell();
  return [0.5, 0.6, 0.7, 0.8, 0.9].map((above): FittedEntry => {
    const entry: Entry = { leg, above, ...model };
    const entered = Int32Array.from(content, (c) => (climbProbability(entry, c) >= above ? start : 0));
    const after = tell(entered);
    return {
      entry,
      gain: 1 - after.macs / before.macs,
      top1Change: after.top1 - before.top1,
      sent: mean(odd(Array.from(entered, (at) => Number(at > 0)))),
    };
  });
}

/** Logistic regression by gradient descent on standardised features; the weights that come back are for the raw ones. */
export function logistic(
  rows: readonly Content[],
  targets: readonly number[],
): { readonly intercept: number; readonly weights: readonly number[] } {
  const mean = (of: (row: Content) => number) => rows.reduce((sum, row) => sum + of(row), 0) / rows.length;
  const means = CONTENT.map((_, c) => mean((row) => row[c]!));
  // A feature that never changes says nothing.
  const spreads = CONTENT.map(
    (_, c) => Math.sqrt(mean((row) => (row[c]! - means[c]!) ** 2)) || Number.POSITIVE_INFINITY,
  );
  const x = rows.map((row) => [1, ...row.map((value, c) => (value - means[c]!) / spreads[c]!)]);
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
  return { intercept: beta[0]! - weights.reduce((sum, w, c) => sum + w * means[c]!, 0), weights };
}
