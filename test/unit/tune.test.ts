import { describe, expect, it } from 'vitest';
import type { Content } from '../../src/policy/entry.js';
import { fitEntry } from '../../src/tune/entry.js';
import { logistic } from '../../src/tune/logistic.js';
import { frontier, fullPoint, operatingPoints } from '../../src/tune/operating-points.js';
import { routeFile } from '../../src/tune/policy-file.js';
import { random } from '../../src/tune/record.js';
import { refined } from '../../src/tune/refine.js';
import { chosen } from '../../src/tune/target.js';
import { solveThresholds } from '../../src/tune/thresholds.js';
import { DEFAULT_TERMS, measureWalk, spentBy, type Walk, walkOf } from '../../src/tune/walk.js';
import { exitOf, record } from '../support/tune-record.js';

/** Every threshold that can matter, for each exit but the last. */
function bruteForce(walk: Walk, price: number): number {
  const candidates = walk.score.slice(0, -1).map((score) => [null, ...new Set(score)]);
  let best = Number.POSITIVE_INFINITY;
  const tryAll = (sofar: (number | null)[]) => {
    if (sofar.length === candidates.length) {
      const { macs, top1 } = measureWalk(walk, [...sofar, null]);
      best = Math.min(best, macs + price * (1 - top1));
      return;
    }
    for (const candidate of candidates[sofar.length]!) tryAll([...sofar, candidate]);
  };
  tryAll([]);
  return best;
}

describe('the outcome of a walk', () => {
  it('counts what each picture spent, and who is right', () => {
    const right = [Uint8Array.from([1, 1, 0]), Uint8Array.from([0, 0, 0]), Uint8Array.from([1, 1, 1])];
    const macs = Float64Array.from([1, 3, 9]);
    const walk: Walk = {
      terms: DEFAULT_TERMS,
      rungs: [],
      exits: [],
      pictures: 3,
      macs,
      ms: Float64Array.from([10, 20, 30]),
      cost: macs,
      score: [Float64Array.from([0.9, 0.5, 0.1]), Float64Array.from([0.2, 0.8, 0.7]), new Float64Array(3)],
      right,
      agrees: [right[2]!, right[0]!, right[2]!],
      quality: [Float32Array.from([0.5, 1, 0]), new Float32Array(3), Float32Array.from([1, 1, 0.25])],
      starts: [0, 2],
    };
    const outcome = measureWalk(walk, [0.85, 0.75, null]);
    expect(outcome).toEqual({
      cost: 13 / 3,
      macs: 13 / 3,
      ms: 20,
      p95Ms: 30,
      top1: 2 / 3,
      agreement: 1,
      quality: 0.75 / 3,
      exits: Int32Array.from([0, 1, 2]),
    });
    expect([0, 1, 2].map((i) => spentBy(outcome, macs, i))).toEqual([1, 3, 9]);
    // The first picture enters at the third exit: it pays for that rung only.
    expect(measureWalk(walk, [0.9, 0.75, null], Int32Array.from([2, 0, 0])).macs).toBe((6 + 3 + 9) / 3);
  });

  it('adds the earlier rungs to the cost of a later one', () => {
    const { cost, starts } = walkOf(
      record(1, [
        [0.1, 0.2],
        [0.5, 0.9],
      ]),
      record(1, [
        [0.1, 0.2],
        [0.5, 0.9],
      ]).rungs,
    );
    expect([...cost]).toEqual([1, 2, 12, 22]);
    expect(starts).toEqual([0, 2]);
  });
});

describe('thresholds', () => {
  it.each([1, 5, 20, 100])('are the best there are for one exit: price %d', (price) => {
    const made = record(60, [[0.3, 0.9]]);
    const walk = walkOf(made, made.rungs);
    const { macs, top1 } = measureWalk(walk, solveThresholds(walk, price, 9));
    expect(macs + price * (1 - top1)).toBeCloseTo(bruteForce(walk, price), 9);
  });

  it.each([5, 20, 100])('come within a hundredth of the best for two exits together: price %d', (price) => {
    const made = record(40, [[0.3, 0.6, 0.9]], 7);
    const walk = walkOf(made, made.rungs);
    const { macs, top1 } = measureWalk(walk, solveThresholds(walk, price, 9));
    expect(macs + price * (1 - top1)).toBeLessThanOrEqual(1.01 * bruteForce(walk, price));
  });

  it('never let anybody leave early where an error costs everything and the last exit is always right', () => {
    const made = record(50, [[0.2, 0.5]]);
    const [early, late] = made.rungs[0]!.exits;
    const perfect = { ...late!, guess: new Int32Array(50), belief: new Float32Array(50).fill(1) };
    const wrong = { ...early!, guess: new Int32Array(50).fill(1), belief: new Float32Array(50) };
    const rungs = [{ id: 'a', exits: [wrong, perfect] }];
    expect(solveThresholds(walkOf({ ...made, rungs }, rungs), 1e9)).toEqual([null, null]);
  });

  it('let everybody leave at the first exit where errors cost nothing', () => {
    const made = record(50, [[0.2, 0.5]]);
    const walk = walkOf(made, made.rungs);
    expect(measureWalk(walk, solveThresholds(walk, 0)).macs).toBe(1);
  });
});

describe('operating points', () => {
  const made = record(
    600,
    [
      [0.3, 0.5],
      [0.6, 0.8],
      [0.85, 1.1],
    ],
    3,
  );
  const full = fullPoint(made);
  const points = frontier(operatingPoints(made, full, () => {}));

  it('form a frontier: who pays more gets more', () => {
    expect(points.length).toBeGreaterThan(5);
    for (const [i, { outcome }] of points.slice(1).entries()) {
      expect(outcome.macs).toBeGreaterThan(points[i]!.outcome.macs);
      expect(outcome.quality).toBeGreaterThan(points[i]!.outcome.quality);
    }
  });

  it('hold the cheapest one that keeps the quality, well below the full network here', () => {
    const best = chosen(points, full, { maxDrop: 0.01 })!;
    expect(best.outcome.top1).toBeGreaterThanOrEqual(full.outcome.top1 - 0.01);
    expect(best.outcome.macs).toBeLessThan(0.8 * full.outcome.macs);
  });

  it('hold the cheapest one that also says what the full network says, where that is asked for', () => {
    const loose = chosen(points, full, { maxDrop: 0.2, minAgreement: 0.5 })!;
    const strict = chosen(points, full, { maxDrop: 0.2, minAgreement: 0.97 })!;
    expect(strict.outcome.agreement).toBeGreaterThanOrEqual(0.97);
    expect(loose.outcome.agreement).toBeLessThan(0.97);
    expect(loose.outcome.macs).toBeLessThan(strict.outcome.macs);
    expect(full.outcome.top1 - loose.outcome.top1).toBeLessThanOrEqual(0.2);
    const exact = refined(strict, full, { maxDrop: 0.2, minAgreement: 0.97 });
    expect(exact.outcome.agreement).toBeGreaterThanOrEqual(0.97);
    expect(exact.outcome.macs).toBeLessThanOrEqual(strict.outcome.macs);
    // The drop stays one of top-1.
    expect(chosen(points, full, { maxDrop: 0, minAgreement: 0.5 })!.outcome.top1).toBeGreaterThanOrEqual(
      full.outcome.top1,
    );
  });

  it('hold the best one within a budget, and none where even the cheapest exit is too dear', () => {
    const best = chosen(points, full, { budgetMacs: 40 })!;
    expect(best.outcome.macs).toBeLessThanOrEqual(40);
    expect(chosen(points, full, { budgetMacs: 0.5 })).toBeUndefined();
  });

  it('leave out deep exits of a cheap rung that only cost', () => {
    // The second exit of the first rung costs nine tenths of the next rung and knows nothing.
    const [cheap, dear] = record(600, [[0.6], [0.9, 1.1]], 3).rungs;
    const useless = exitOf(9, new Float64Array(600), new Int32Array(600).fill(1));
    const rungs = [{ id: 'cheap', exits: [cheap!.exits[0]!, useless] }, dear!];
    const whole = { ...made, rungs };
    const found = frontier(operatingPoints(whole, fullPoint(whole), () => {}));
    const { route } = routeFile(chosen(found, full, { budgetMacs: 6 })!);
    expect(route.map(({ rung }) => rung)).toEqual(['cheap', dear!.id]);
    expect(route[0]!.thresholds).toHaveLength(1);
  });

  it('are moved to the target itself, without breaking it', () => {
    const budget = { budgetMacs: 60 };
    const near = chosen(points, full, budget)!;
    const best = refined(near, full, budget);
    expect(best.outcome.macs).toBeLessThanOrEqual(60);
    expect(best.outcome.quality).toBeGreaterThanOrEqual(near.outcome.quality);
    const drop = { maxDrop: 0.02 };
    const cheap = refined(chosen(points, full, drop)!, full, drop);
    expect(cheap.outcome.macs).toBeLessThanOrEqual(chosen(points, full, drop)!.outcome.macs);
    expect(cheap.outcome.top1).toBeGreaterThanOrEqual(full.outcome.top1 - 0.02);
    expect(cheap.outcome).toEqual(measureWalk(cheap.walk, cheap.thresholds));
  });

  it('are written with the share of pictures that comes to each rung', () => {
    const best = chosen(points, full, { maxDrop: 0.01 })!;
    const { route } = routeFile(best);
    expect(route[0]!.reach).toBe(1);
    expect(route.at(-1)!.thresholds.at(-1)).toBeNull();
    for (const [i, leg] of route.slice(1).entries()) expect(leg.reach).toBeLessThanOrEqual(route[i]!.reach);
  });
});

describe('entry by content', () => {
  it('recovers the weights of a logistic model', () => {
    const draw = random(5);
    const rows = Array.from({ length: 4000 }, (): Content => [20 + draw(), 4 * draw(), draw(), draw()]);
    const climbs = rows.map(([, bits, , colour]) => Number(draw() < 1 / (1 + Math.exp(-(2 * bits - 3 * colour - 2)))));
    const { intercept, weights } = logistic(rows, climbs);
    expect(weights[1]).toBeCloseTo(2, 0);
    expect(weights[3]).toBeCloseTo(-3, 0);
    expect(intercept + 20.5 * weights[0]! + 0.5 * weights[2]!).toBeCloseTo(-2, 0);
  });

  it('saves where the content tells who will climb, without losing quality', () => {
    const made = record(2000, [[0.2], [0.9, 1.1]], 11);
    const walk = walkOf(made, made.rungs);
    const thresholds = [0.8, 0.9, null];
    const fitted = fitEntry({ price: 1, walk, thresholds, outcome: measureWalk(walk, thresholds) }, made.content)!;
    expect(fitted.entry.leg).toBe(1);
    expect(fitted.gain).toBeGreaterThan(0.01);
    expect(fitted.qualityChange).toBeGreaterThanOrEqual(0);
    expect(fitted.sent).toBeGreaterThan(0.3);
  });

  it('takes no weight from a feature that hardly changes: its rounding would decide', () => {
    const draw = random(5);
    const rows = Array.from(
      { length: 500 },
      (): Content => [Math.log2(96 * 96) + 1e-13 * draw(), draw(), draw(), draw()],
    );
    const { weights } = logistic(
      rows,
      rows.map(([, bits]) => Number(bits > 0.5)),
    );
    expect(weights[0]).toBe(0);
    expect(weights[1]).toBeGreaterThan(1);
  });

  it('has nothing to say of a route of one rung', () => {
    const made = record(50, [[0.2, 0.9]]);
    const walk = walkOf(made, made.rungs);
    const thresholds = [0.8, null];
    expect(
      fitEntry({ price: 1, walk, thresholds, outcome: measureWalk(walk, thresholds) }, made.content),
    ).toBeUndefined();
  });
});
