import { describe, expect, it } from 'vitest';
import {
  meanWith,
  pooled,
  probabilities,
  type Reading,
  readingOf,
  scoreOf,
  topClasses,
} from '../../src/policy/score.js';
import { randoms } from '../support/graphs.js';

const sum = (values: Iterable<number>) => [...values].reduce((total, value) => total + value, 0);
const row = (...logits: number[]) => Float32Array.from(logits);

describe('probabilities', () => {
  it('are the softmax of the logits', () => {
    const p = probabilities(row(Math.log(1), Math.log(2), Math.log(5)), 1);
    expect([...p].map((value) => value.toFixed(6))).toEqual(['0.125000', '0.250000', '0.625000']);
  });

  it('add up to 1 and keep the order of the logits, at any temperature', () => {
    for (const temperature of [0.1, 0.7, 1, 3, 50]) {
      const logits = Float32Array.from(randoms(100, 3, 20));
      const p = probabilities(logits, temperature);
      expect(sum(p)).toBeCloseTo(1, 5);
      const order = (values: Float32Array) => [...values.keys()].sort((a, b) => logits[b]! - logits[a]!);
      const sorted = order(logits).map((index) => p[index]!);
      expect(sorted).toEqual([...sorted].sort((a, b) => b - a));
    }
  });

  it('are those of logits divided by the temperature', () => {
    const logits = row(2, -1, 0.5);
    expect(probabilities(logits, 4)).toEqual(
      probabilities(
        logits.map((z) => z / 4),
        1,
      ),
    );
  });

  it('are less sure the higher the temperature', () => {
    const scores = [0.5, 1, 2, 4, 1000].map(
      (temperature) => readingOf(probabilities(row(3, 1, 0), temperature)).probability,
    );
    expect(scores).toEqual([...scores].sort((a, b) => b - a));
    expect(scores.at(-1)).toBeCloseTo(1 / 3, 2);
  });

  it('do not overflow with huge logits, nor vanish with hugely negative ones', () => {
    expect([...probabilities(row(1e30, 0, -1e30), 0.01)]).toEqual([1, 0, 0]);
    expect([...probabilities(row(-1e30, -1e30), 0.01)]).toEqual([0.5, 0.5]);
  });

  it('leave the logits as they are', () => {
    const logits = row(1, 2, 3);
    probabilities(logits, 2);
    expect([...logits]).toEqual([1, 2, 3]);
  });
});

describe('the reading of an exit', () => {
  it('has the best class, its probability and how far the second is behind, wherever they stand', () => {
    for (const [p, guess] of [
      [row(0.75, 0.25, 0), 0],
      [row(0.25, 0.75, 0), 1],
      [row(0, 0.25, 0.75), 2],
    ] as const) {
      expect(readingOf(p)).toMatchObject({ guess, probability: 0.75, margin: 0.5 });
    }
  });

  it('has an entropy of 0 where one class is certain, of 1 where all are alike, and between them as computed by hand', () => {
    expect(readingOf(row(0, 1, 0)).entropy).toBe(0);
    expect(readingOf(row(0.25, 0.25, 0.25, 0.25)).entropy).toBeCloseTo(1, 6);
    // 1.5 bits of 2
    expect(readingOf(row(0.5, 0.25, 0.25, 0)).entropy).toBeCloseTo(0.75, 6);
  });
});

describe('the score of an exit', () => {
  const said = (guess: number, more: Partial<Reading> = {}): Reading => ({
    guess,
    probability: 0.6,
    margin: 0.2,
    entropy: 0.3,
    ...more,
  });

  it('is what its kind says of the last exit', () => {
    const readings = [said(1, { probability: 0.9 }), said(0)];
    expect(scoreOf('max_probability', readings)).toBe(0.6);
    expect(scoreOf('margin', readings)).toBe(0.2);
    expect(scoreOf('entropy', readings)).toBeCloseTo(0.7, 12);
  });

  it('counts with patience how many exits in a row agree', () => {
    const counts = (...guesses: number[]) =>
      scoreOf(
        'patience',
        guesses.map((guess) => said(guess)),
      );
    expect([counts(3), counts(3, 3), counts(1, 3, 3), counts(3, 3, 1), counts(3, 1, 3)]).toEqual([1, 2, 2, 1, 1]);
  });

  it('is with a gate the logistic of what it weighs; without one it is 0', () => {
    const readings = [said(0), said(2), said(0)];
    const gate = { intercept: -1, weights: [1, 2, 3, 4] };
    // -1 + 0.6 + 0.4 + 0.9 + 4 x (one of two earlier exits agrees)
    expect(scoreOf('gate', readings, gate)).toBeCloseTo(1 / (1 + Math.exp(-2.9)), 12);
    expect(scoreOf('gate', [said(0)], gate)).toBeCloseTo(1 / (1 + Math.exp(-0.9)), 12);
    expect(scoreOf('gate', readings)).toBe(0);
  });
});

describe('meanWith', () => {
  it('keeps the mean of all rows so far', () => {
    const first = row(1, 0);
    const two = meanWith(first, 1, row(0, 1));
    expect([...two]).toEqual([0.5, 0.5]);
    expect([...meanWith(two, 2, row(0.5, 0.5))]).toEqual([0.5, 0.5]);
    expect([...meanWith(two, 2, row(1, 0))].map((value) => value.toFixed(4))).toEqual(['0.6667', '0.3333']);
    expect([...first]).toEqual([1, 0]);
  });
});

describe('pooled', () => {
  it('weighs the logarithms of two rows, and rules nothing out', () => {
    const together = pooled(row(0.8, 0.1, 0.1), row(0.2, 0.7, 0.1), 0.5);
    // sqrt of the products 0.16, 0.07, 0.01
    expect([...together].map((value) => value.toFixed(4))).toEqual(['0.5232', '0.3460', '0.1308']);
    expect([...pooled(row(0.9, 0.1), row(0.25, 0.75), 0)].map((value) => value.toFixed(4))).toEqual([
      '0.2500',
      '0.7500',
    ]);
    expect(Math.min(...pooled(row(1, 0), row(0, 1), 0.5))).toBeCloseTo(0.5);
  });
});

describe('topClasses', () => {
  it('gives the most probable classes with their index, most probable first', () => {
    expect(topClasses(row(0.125, 0.5, 0.25, 0.125), 2)).toEqual([
      { index: 1, probability: 0.5 },
      { index: 2, probability: 0.25 },
    ]);
  });

  it('puts the lower index first on ties', () => {
    expect(topClasses(row(0.25, 0.25, 0.25, 0.25), 4).map(({ index }) => index)).toEqual([0, 1, 2, 3]);
  });

  it('gives all classes when more are asked for than there are', () => {
    expect(topClasses(row(0.25, 0.75), 1000).map(({ index }) => index)).toEqual([1, 0]);
  });
});
