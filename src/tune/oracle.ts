/** The oracle: a rule of exit that knows the answer. No rule that looks at pictures only can be expected to reach it. */

import { type Outcome, outcomeOf, type Walk } from './walk.js';

/**
 * Each picture leaves at the cheapest exit of the walk whose answer is right (where there are no labels: is that of the full network);
 * where no exit is, at the first. So it is at least as often right as any rule on the same walk, and cheaper.
 */
export function oracle(walk: Walk): Outcome {
  const exits = new Int32Array(walk.pictures);
  for (let i = 0; i < walk.pictures; i++)
    exits[i] = Math.max(
      0,
      walk.right.findIndex((right) => right[i] === 1),
    );
  return outcomeOf(walk, exits);
}

/** What part of the oracle's saving a point reaches; both save against the same cost. */
export function shareOfSaving(point: Outcome, oracle: Outcome, full: Outcome): number {
  return (full.cost - point.cost) / (full.cost - oracle.cost);
}
