import { describe, expect, it } from 'vitest';
import { type DecodeCosts, decodeMs, decodeSide, visitsOf } from '../../src/lane/decode-side.js';
import { somePlan } from '../support/plan.js';

// Sources of 100 and 1100 pixels; decoding to 128 costs a millisecond more than to 64, whatever the source.
const costs: DecodeCosts = { sources: [100, 1100], ms: { 64: [1, 11], 128: [2, 12] }, shrinkMs: 0.5 };
const visits = (reach: number) => [
  { side: 64, reach: 1 },
  { side: 128, reach },
];

describe('the time of a decode', () => {
  it('is linear between the measured sources, and beyond them', () => {
    expect(decodeMs(costs, 64, 100)).toBe(1);
    expect(decodeMs(costs, 64, 600)).toBe(6);
    expect(decodeMs(costs, 64, 2100)).toBe(21);
    expect(decodeMs(costs, 64, 50)).toBe(0.5);
  });

  it('is never below nothing', () => {
    expect(decodeMs({ ...costs, ms: { 64: [0, 11] } }, 64, 50)).toBe(0);
  });
});

describe('the side to decode', () => {
  it('is the side that is needed, where nothing can follow', () => {
    expect(decodeSide(costs, [{ side: 64, reach: 1 }], 5000)).toBe(64);
  });

  it('is the large one where a second decode would cost more than it saves', () => {
    // Small first: 6 + 0.5 x 7 = 9.5; large at once: 7 + 0.5 = 7.5.
    expect(decodeSide(costs, visits(0.5), 600)).toBe(128);
  });

  it('is the small one where few pictures climb', () => {
    // Small first: 6 + 0.1 x 7 = 6.7; large at once: 7.5.
    expect(decodeSide(costs, visits(0.1), 600)).toBe(64);
  });

  it('is the small one where a source is so small that a second decode costs little', () => {
    // Small first: 0.6 + 0.5 x 1.6 = 1.4; large at once: 1.6 + 0.5 = 2.1.
    expect(decodeSide(costs, visits(0.5), 60)).toBe(64);
  });
});

describe('the sides that a plan visits', () => {
  const leg = (rung: number, reach: number) => ({ rung, thresholds: [null], reach });
  const plan = somePlan([]);

  it('are those of each leg and of the larger ones after it, with the share of its pictures that get there', () => {
    const legs = [leg(0, 1), leg(1, 0.5), leg(2, 0.25)];
    expect(visitsOf({ ...plan, legs }, [64, 64, 128])).toEqual([
      [
        { side: 64, reach: 1 },
        { side: 128, reach: 0.25 },
      ],
      [
        { side: 64, reach: 1 },
        { side: 128, reach: 0.5 },
      ],
      [{ side: 128, reach: 1 }],
    ]);
  });

  it('leave out a smaller side that comes later: it is shrunk from what is there', () => {
    expect(visitsOf({ ...plan, legs: [leg(1, 1), leg(0, 0.5)] }, [64, 128])).toEqual([
      [{ side: 128, reach: 1 }],
      [{ side: 64, reach: 1 }],
    ]);
  });
});
