import { describe, expect, it } from 'vitest';
import { arrivals } from '../../bench/support/arrivals.js';

describe('arrivals of an open loop', () => {
  it('are evenly spaced without a seed, phase after phase', () => {
    const phases = [
      { seconds: 1, perSecond: 2 },
      { seconds: 1, perSecond: 4 },
    ];
    expect(arrivals(phases)).toEqual([0, 500, 1000, 1250, 1500, 1750]);
  });

  it('are those of a Poisson process with one: mean and standard deviation of the gaps are the same', () => {
    const times = arrivals([{ seconds: 1000, perSecond: 50 }], 7);
    const gaps = times.slice(1).map((at, i) => at - times[i]!);
    const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
    const deviation = Math.sqrt(gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / gaps.length);
    expect(mean).toBeGreaterThan(19.5);
    expect(mean).toBeLessThan(20.5);
    expect(deviation / mean).toBeGreaterThan(0.97);
    expect(deviation / mean).toBeLessThan(1.03);
    expect(arrivals([{ seconds: 1000, perSecond: 50 }], 7)).toEqual(times);
  });
});
