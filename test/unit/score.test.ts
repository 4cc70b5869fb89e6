import { describe, expect, it } from 'vitest';
import { maxProbability, probabilities, topClasses } from '../../src/policy/score.js';
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
    const scores = [0.5, 1, 2, 4, 1000].map((temperature) => maxProbability(probabilities(row(3, 1, 0), temperature)));
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

describe('maxProbability', () => {
  it('is the largest one, wherever it stands', () => {
    for (const p of [row(0.75, 0.25), row(0.25, 0.75), row(0.125, 0.75, 0.125)]) expect(maxProbability(p)).toBe(0.75);
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
