/** Records that behave as real ones do, drawn by the same numbers every time. */

import type { Content } from '../../src/policy/entry.js';
import { type RecordedExit, random, type SaidTop, type TuneRecord } from '../../src/tune/record.js';

/** An exit whose score is the probability that it is right. Class 0 is right, 1 is wrong. */
export function exitOf(macs: number, score: Float64Array, guess: Int32Array): RecordedExit {
  return {
    macs,
    ms: macs / 10,
    guess,
    probability: score,
    margin: score.map((s) => 2 * s - 1),
    entropy: score.map((s) => 1 - s),
    belief: Float32Array.from(guess, (g) => 1 - g),
    top: saidTop(score, guess),
  };
}

/** Of two classes: they tell the guess and its probability, and leave the rest to the other. */
function saidTop(score: Float64Array, guess: Int32Array): SaidTop {
  return { count: 1, classes: 2, index: guess, probability: Float32Array.from(score) };
}

/** Deeper exits are surer. @param rungs skills of their exits */
export function record(pictures: number, rungs: readonly (readonly number[])[], seed = 1): TuneRecord {
  const draw = random(seed);
  const hardness = Array.from({ length: pictures }, draw);
  const content = hardness.map((hard): Content => [16, 2 * hard, 0.1 * draw(), draw()]);
  const made = rungs.map((skills, r) => ({
    id: `net/1@${32 * (r + 1)}`,
    exits: skills.map((skill, k) => {
      const score = Float64Array.from(hardness, (hard) =>
        Math.min(1, Math.max(0, 1 - hard * (1.2 - skill) + 0.1 * (draw() - 0.5))),
      );
      return exitOf(
        10 ** r * (k + 1),
        score,
        Int32Array.from(score, (s) => Number(draw() > s)),
      );
    }),
  }));
  const full = made.at(-1)!.exits.at(-1)!;
  return {
    cascade: 'c',
    rungs: made,
    labelled: true,
    labels: new Int32Array(pictures),
    full: full.guess,
    fullTop: full.top,
    content,
  };
}
