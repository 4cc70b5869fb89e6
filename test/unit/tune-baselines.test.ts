import { describe, expect, it } from 'vitest';
import { budgetedBatch, shares } from '../../src/tune/budgeted-batch.js';
import { calibrationError, reliability } from '../../src/tune/calibration.js';
import { compared, oracleReached, ruleOn } from '../../src/tune/compare.js';
import { fittedGates, judgedGates } from '../../src/tune/gates.js';
import { ladder, namesOf } from '../../src/tune/ladder.js';
import { frontier, fullPoint, operatingPoints } from '../../src/tune/operating-points.js';
import { oracle, shareOfSaving } from '../../src/tune/oracle.js';
import { solve } from '../../src/tune/solve.js';
import { DEFAULT_TERMS, measureWalk, type Terms, walkOf } from '../../src/tune/walk.js';
import { record } from '../support/tune-record.js';

const made = record(
  600,
  [
    [0.3, 0.5],
    [0.6, 0.8],
    [0.85, 1.1],
  ],
  3,
);

describe("MSDNet's budgeted-batch rule", () => {
  it('means a share of q^k of the pictures to leave at exit k', () => {
    expect(shares(3, 0.5)).toEqual([4 / 7, 2 / 7, 1 / 7]);
    expect(shares(4, 1)).toEqual([0.25, 0.25, 0.25, 0.25]);
  });

  it('sets thresholds so that the shares hold on the pictures themselves', () => {
    const walk = walkOf(made, made.rungs.slice(-2));
    for (const [at, thresholds] of budgetedBatch(walk).entries()) {
      const wanted = shares(4, (at + 1) / 20);
      const left = [0, 0, 0, 0];
      for (const exit of measureWalk(walk, thresholds).exits) left[exit]!++;
      for (const [exit, count] of left.slice(0, 3).entries())
        expect(count).toBeGreaterThanOrEqual(Math.floor(600 * wanted[exit]!));
      // Nobody else but those whose scores are the same leaves with them: here, at a score of one.
      const ties = walk.score.map((score) => score.filter((s) => s === 1).length);
      for (const [exit, count] of left.slice(1, 3).entries())
        expect(count).toBeLessThanOrEqual(Math.max(600 * wanted[exit + 1]!, ties[exit + 1]!));
    }
  });

  it.each(['max_probability', 'margin', 'gate'] as const)(
    'is never above the frontier that was tuned on the same pictures, at any budget, on any of its routes: score %s',
    (score) => {
      const terms: Terms = { ...DEFAULT_TERMS, score };
      const full = fullPoint(made, terms);
      const tuned = frontier(operatingPoints(made, full, () => {}));
      for (const rungs of [made.rungs.slice(-1), made.rungs.slice(1), made.rungs]) {
        const walk = walkOf(made, rungs, terms);
        for (const thresholds of budgetedBatch(walk)) {
          const rule = measureWalk(walk, thresholds);
          const best = tuned.findLast(({ outcome }) => outcome.cost <= rule.cost)!;
          expect(best.outcome.quality).toBeGreaterThanOrEqual(rule.quality);
        }
      }
      if (score !== 'max_probability') return;
      // As the report compares them.
      for (const { rule, tuned: point } of compared(ruleOn(made, { rungs: made.rungs, terms }), tuned, undefined))
        expect(point!.seen.quality).toBeGreaterThanOrEqual(rule.seen.quality);
    },
  );
});

describe('the oracle', () => {
  it('leaves at the cheapest exit that is right, and at the first where none is', () => {
    const walk = walkOf(made, made.rungs);
    const { exits, top1, cost } = oracle(walk);
    for (let i = 0; i < 600; i++) {
      const first = walk.right.findIndex((right) => right[i] === 1);
      expect(exits[i]).toBe(Math.max(first, 0));
    }
    const full = fullPoint(made).outcome;
    expect(top1).toBeGreaterThanOrEqual(full.top1);
    expect(cost).toBeLessThan(full.cost);
  });

  it('is what a saving is a share of', () => {
    const full = fullPoint(made);
    const best = oracle(walkOf(made, made.rungs));
    expect(shareOfSaving(full.outcome, best, full.outcome)).toBe(0);
    expect(shareOfSaving(best, best, full.outcome)).toBe(1);
    const reached = oracleReached(frontier(operatingPoints(made, full, () => {})), full, made)!;
    expect(reached.share.seen).toBeGreaterThan(0);
    expect(reached.share.seen).toBeLessThan(1);
    expect(reached.share.heldOut).toBeCloseTo(reached.share.seen, 12);
    expect(reached.point.seen.top1).toBeGreaterThanOrEqual(full.outcome.top1 - 0.001);
  });
});

describe('gates', () => {
  it('foretell agreement with the full network on pictures that they were not fitted on, better than a constant', () => {
    const many = record(4000, [[0.4, 0.7, 1.1]], 5);
    const walk = walkOf(many, many.rungs);
    const exits = many.rungs[0]!.exits;
    const [gate] = judgedGates(exits, walk.agrees, fittedGates(exits, walk.agrees));
    const rate = walk.agrees[0]!.reduce((sum, agrees) => sum + agrees, 0) / 4000;
    expect(gate!.logLoss).toBeLessThan(-(rate * Math.log(rate) + (1 - rate) * Math.log(1 - rate)));
  });
});

describe('the points of a policy', () => {
  const full = fullPoint(made);
  const points = frontier(operatingPoints(made, full, () => {}));

  it('go from the chosen one to the cheapest, in even steps of the logarithm of cost', () => {
    const row = ladder(points.at(-1)!, points, 4);
    expect(row).toHaveLength(4);
    expect(row[0]).toBe(points.at(-1));
    expect(row[3]).toBe(points[0]);
    const steps = row.slice(1).map(({ outcome }, i) => Math.log(row[i]!.outcome.cost / outcome.cost));
    for (const step of steps) expect(step).toBeGreaterThan(Math.log(row[0]!.outcome.cost / row[3]!.outcome.cost) / 9);
  });

  it('are as many as there are where more are wanted', () => {
    expect(ladder(points[0]!, points, 5)).toEqual([points[0]]);
    expect(ladder(points[1]!, points, 5)).toEqual([points[1], points[0]]);
  });

  it('are named by what they cost, with as many digits as tell them apart', () => {
    expect(namesOf([points.at(-1)!, points[0]!], points.at(-1)!.outcome.macs)[0]).toBe('cost-100');
    const close = [1000, 996, 990].map((macs) => ({ ...points[0]!, outcome: { ...points[0]!.outcome, macs } }));
    expect(namesOf(close, 1000)).toEqual(['cost-100.0', 'cost-99.6', 'cost-99.0']);
  });
});

describe('tuning for milliseconds', () => {
  const wish = { score: 'max_probability', points: 1 } as const;
  it('keeps the tail within its limit, as well as a mean', () => {
    for (const latencyP95Ms of [3, 12, 20]) {
      const solution = solve(made, { ...wish, target: { latencyP95Ms } }, () => {});
      if ('cheapest' in solution) throw new Error('there are exits as fast');
      expect(solution.points[0]!.outcome.p95Ms).toBeLessThanOrEqual(latencyP95Ms);
    }
    const solution = solve(made, { ...wish, target: { budgetMs: 2 } }, () => {});
    if ('cheapest' in solution) throw new Error('there are exits as cheap');
    expect(solution.points[0]!.outcome.ms).toBeLessThanOrEqual(2);
  });

  it('takes a rung of as many MACs that is faster, where a drop is to cost milliseconds', () => {
    const last = made.rungs.at(-1)!;
    const eightBits = { id: 'net-int8/1@64', exits: last.exits.map((exit) => ({ ...exit, ms: exit.ms / 2 })) };
    const both = { ...made, rungs: [...made.rungs.slice(0, -1), eightBits, last] };
    const [target, points] = [{ maxDrop: 0.005 }, 1];
    const inMacs = solve(both, { score: 'max_probability', points, target }, () => {});
    const inMs = solve(both, { score: 'max_probability', points, target, cost: 'ms' }, () => {});
    if ('cheapest' in inMacs || 'cheapest' in inMs) throw new Error('the full network keeps it');
    expect(inMs.points[0]!.walk.rungs.map(({ id }) => id)).not.toContain(last.id);
    expect(inMs.points[0]!.outcome.ms).toBeLessThan(0.75 * inMs.full.outcome.ms);
    expect(inMs.points[0]!.outcome.ms).toBeLessThanOrEqual(inMacs.points[0]!.outcome.ms);
  });

  it('says what is the least where nothing is so fast', () => {
    const solution = solve(made, { ...wish, target: { latencyP95Ms: 0.01 } }, () => {});
    expect('cheapest' in solution && solution.cheapest.outcome.p95Ms).toBeCloseTo(0.1, 9);
  });
});

describe('the calibration error', () => {
  it('is the mean distance between what an exit believes and what is right', () => {
    const bins = reliability(
      Float64Array.from([0.95, 0.95, 0.95, 0.95, 0.55, 0.55]),
      Uint8Array.from([1, 1, 1, 0, 1, 0]),
    );
    expect(bins.map(({ pictures }) => pictures)).toEqual([2, 4]);
    expect(calibrationError(bins)).toBeCloseTo((4 * 0.2 + 2 * 0.05) / 6, 12);
  });

  it('puts a probability of one into the last bin', () => {
    expect(reliability(Float64Array.from([1]), Uint8Array.from([1]))).toEqual([
      { pictures: 1, confidence: 1, accuracy: 1 },
    ]);
  });
});
