import { describe, expect, it } from 'vitest';
import { pooled, readingOf } from '../../src/policy/score.js';
import { blendedExits, fittedBlend } from '../../src/tune/blend.js';
import {
  fullPoint,
  type OperatingPoint,
  operatingPoints,
  pointAt,
  pointOn,
  trimmed,
} from '../../src/tune/operating-points.js';
import { routeFile } from '../../src/tune/policy-file.js';
import { type RecordedExit, random, split, type TuneRecord } from '../../src/tune/record.js';
import { solve } from '../../src/tune/solve.js';
import { DEFAULT_TERMS, walkOf } from '../../src/tune/walk.js';

const CLASSES = 12;
const PICTURES = 600;

/** What an exit of this skill says of pictures of the class 0, which it takes for another one where it errs. */
function rowsOf(skill: number, seed: number): Float32Array[] {
  const draw = random(seed);
  return Array.from({ length: PICTURES }, () => {
    const logits = Float32Array.from({ length: CLASSES }, () => 2 * draw());
    logits[0]! += skill * draw();
    const sum = logits.reduce((total, z) => total + Math.exp(z), 0);
    return logits.map((z) => Math.exp(z) / sum);
  });
}

const SMALL = rowsOf(3, 1);
const LARGE = rowsOf(3.2, 2);
const FULL = rowsOf(9, 3);

function exitFrom(macs: number, rows: readonly Float32Array[], count: number): RecordedExit {
  const readings = rows.map(readingOf);
  const order = rows.map((p) => [...p.keys()].sort((a, b) => p[b]! - p[a]!).slice(0, count));
  return {
    ...{ macs, ms: macs },
    guess: Int32Array.from(readings, ({ guess }) => guess),
    probability: Float64Array.from(readings, ({ probability }) => probability),
    margin: Float64Array.from(readings, ({ margin }) => margin),
    entropy: Float64Array.from(readings, ({ entropy }) => entropy),
    belief: Float32Array.from(readings, ({ guess }, i) => FULL[i]![guess]!),
    top: {
      ...{ count, classes: CLASSES },
      index: Int32Array.from(order.flat()),
      probability: Float32Array.from(order.flatMap((indices, i) => indices.map((index) => rows[i]![index]!))),
    },
  };
}

function record(count = CLASSES, small = SMALL): TuneRecord {
  const full = exitFrom(100, FULL, count);
  return {
    cascade: 'c',
    rungs: [
      { id: 'net/0.5@24', exits: [exitFrom(1, small, count)] },
      { id: 'net/1@32', exits: [exitFrom(10, LARGE, count)] },
      { id: 'net/1@64', exits: [full] },
    ],
    labelled: true,
    labels: new Int32Array(PICTURES),
    full: full.guess,
    fullTop: full.top,
    content: Array.from({ length: PICTURES }, () => [1, 2, 3, 4]),
  };
}

describe('exits that speak together', () => {
  it('are recorded as a lane computes them', () => {
    const made = record();
    const exit = blendedExits(made, made.rungs, [0, 0.3, 0])[1]!;
    for (const [i, row] of LARGE.entries()) {
      const { guess, probability, margin, entropy } = readingOf(pooled(SMALL[i]!, row, 0.3));
      expect(exit.guess[i]).toBe(guess);
      expect(exit.probability[i]).toBeCloseTo(probability, 5);
      expect(exit.margin[i]).toBeCloseTo(margin, 5);
      expect(exit.entropy[i]).toBeCloseTo(entropy, 5);
    }
    expect(blendedExits(made, made.rungs, [0, 0, 0])[1]).toBe(made.rungs[1]!.exits[0]);
  });

  it('are nearly the same from the classes that are most probable', () => {
    const [whole, part] = [record(), record(6)];
    const [all, some] = [whole, part].map((each) => blendedExits(each, each.rungs, [0, 0.3, 0])[1]!);
    const same = all!.guess.filter((guess, i) => guess === some!.guess[i]).length;
    expect(same / PICTURES).toBeGreaterThan(0.95);
    for (const i of all!.guess.keys()) expect(some!.probability[i]).toBeCloseTo(all!.probability[i]!, 1);
  });

  it('get a share where two know more than one, and none where the one before errs', () => {
    const made = record();
    expect(fittedBlend(made, made.rungs)[1]).toBeGreaterThan(0);
    const right = (exit: RecordedExit) => exit.guess.filter((guess) => guess === 0).length;
    const shares = fittedBlend(made, made.rungs);
    expect(right(blendedExits(made, made.rungs, shares)[1]!)).toBeGreaterThan(right(made.rungs[1]!.exits[0]!));
    const erring = record(CLASSES, rowsOf(-6, 4));
    expect(fittedBlend(erring, erring.rungs.slice(0, 2))).toEqual([0, 0]);
    expect(fittedBlend(made, made.rungs.slice(2))).toEqual([0]);
  });

  it('get none at the last exit of the full network, where agreeing with it is all that counts', () => {
    const made = record();
    const unsure = { ...made, labels: made.rungs[1]!.exits[0]!.guess };
    expect(fittedBlend(unsure, unsure.rungs)[2]).toBeGreaterThan(0);
    expect(fittedBlend(unsure, unsure.rungs, 'agreement')[2]).toBe(0);
  });

  it('are judged by the full network, also where its rung may not be used', () => {
    const wish = { score: 'max_probability', target: { budgetMacs: 10.5 }, points: 1, blend: true } as const;
    const pointOf = (rungs: readonly string[]) => {
      const solution = solve(record(), { ...wish, rungs }, () => {});
      return 'points' in solution ? solution.points[0]! : undefined;
    };
    const { walk } = pointOf(['net/0.5@24', 'net/1@32'])!;
    const { guess, belief } = walk.exits[1]!;
    for (const i of guess.keys()) expect(belief[i]).toBeCloseTo(FULL[i]![guess[i]!]!, 5);
    expect(walk.blend![1]).toBeGreaterThan(0);
  });

  it('leave out a rung that nobody comes to', () => {
    const made = record();
    const walk = walkOf(made, made.rungs, { ...DEFAULT_TERMS, blend: true });
    const point = trimmed(made, pointAt(walk, [0.99, 0, null], 1));
    expect(point.walk.rungs.map(({ id }) => id)).toEqual(['net/0.5@24', 'net/1@32']);
    expect(point.thresholds).toEqual([0.99, null]);
    expect(point.walk.blend).toEqual(walk.blend!.slice(0, 2));
    expect(point.outcome).toEqual(pointAt(walk, [0.99, 0, null], 1).outcome);
    const reached = pointAt(walk, [0.99, 0.99, null], 1);
    expect(trimmed(made, reached)).toBe(reached);
  });

  it('get no rule of entry: where a picture enters later, nobody has spoken before', () => {
    const wish = { score: 'max_probability', target: { budgetMacs: 10 }, points: 1 } as const;
    const entryOf = (blend: boolean) => {
      const solution = solve(record(), { ...wish, blend }, () => {});
      return 'points' in solution ? solution.entry : 'none';
    };
    expect(entryOf(false)).toHaveProperty('kept');
    expect(entryOf(true)).toBeUndefined();
  });

  it('are in the policy, and the same on other pictures', () => {
    const [seen, rest] = split(record(), 0.5);
    const full = fullPoint(seen, { ...DEFAULT_TERMS, blend: true });
    const cheap = (points: readonly OperatingPoint[]) =>
      points.filter(({ outcome }) => outcome.macs <= 11).sort((a, b) => b.outcome.quality - a.outcome.quality)[0]!;
    const better = cheap(operatingPoints(seen, full, () => {}));
    const alone = operatingPoints(seen, fullPoint(seen), () => {});
    expect(better.outcome.quality).toBeGreaterThan(cheap(alone).outcome.quality + 0.02);
    const [first, second] = routeFile(better).route;
    expect(first).not.toHaveProperty('blend');
    expect(second!.blend![0]).toBeGreaterThan(0);
    expect(pointOn(rest, better).walk.blend).toEqual(better.walk.blend);
    expect(alone.every((point) => routeFile(point).route.every((leg) => !('blend' in leg)))).toBe(true);
  });
});
