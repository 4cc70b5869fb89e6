import { describe, expect, it } from 'vitest';
import { type Course, type Load, steer } from '../../src/policy/steer.js';

/** Four points, each half as dear as the one before. */
const points = [800, 400, 200, 100].map((macs) => ({ macs, agreement: 1 }));
const cheapest = 3;
const latency = { latency_p95_ms: 100 };
/** At point 0: 10 ms of inference and 2 of decoding a request, two lanes: 166 a second are what they can do. */
const quiet: Load = {
  ratePerSecond: 20,
  fixedMs: 2,
  inferenceMs: 10,
  remembered: new Map(),
  lanes: 2,
  othersBusy: 0,
  waitMs: 0,
};
const at = (point: number, calmSinceMs?: number): Course => ({ point, calmSinceMs });

describe('the controller with a goal of latency', () => {
  it('stays where it is while the wait is far from the goal, however busy the lanes are', () => {
    expect(steer(latency, points, cheapest, at(0), { ...quiet, ratePerSecond: 160, waitMs: 30 }, 0).point).toBe(0);
  });

  it('goes at once to the dearest point that can carry the load', () => {
    const busy = { ...quiet, waitMs: 60 };
    // (2 + 5) ms x 240 / 2 lanes = 84 %; (2 + 10) ms would be 144 %
    expect(steer(latency, points, cheapest, at(0), { ...busy, ratePerSecond: 240 }, 0).point).toBe(1);
    // 2 + 2.5: 400 a second are 90 %, so one further
    expect(steer(latency, points, cheapest, at(0), { ...busy, ratePerSecond: 400 }, 0).point).toBe(3);
  });

  it('goes to the cheapest that is allowed when none can carry it, and no further', () => {
    const flood = { ...quiet, ratePerSecond: 10_000, waitMs: 500 };
    expect(steer(latency, points, cheapest, at(0), flood, 0).point).toBe(3);
    expect(steer(latency, points, 2, at(0), flood, 0).point).toBe(2);
    expect(steer(latency, points, cheapest, at(3), flood, 0).point).toBe(3);
  });

  it('goes one further while the wait stays, though the load should fit by now', () => {
    expect(steer(latency, points, cheapest, at(1), { ...quiet, inferenceMs: 5, waitMs: 60 }, 0).point).toBe(2);
  });

  it('goes by what points can save: an idle gateway that decodes for long comes back to the dearest, and stays', () => {
    // The dearest takes 13 ms; neither decoding of 22 nor of 45 ms is anything that a cheaper one saves.
    for (const fixedMs of [10, 22, 45, 60]) {
      let state = at(3);
      for (let now = 0; now <= 60_000; now += 1000) {
        const inferenceMs = (13 * points[state.point]!.macs) / 800;
        state = steer(latency, points, cheapest, state, { ...quiet, ratePerSecond: 1, fixedMs, inferenceMs }, now);
      }
      expect([fixedMs, state.point]).toEqual([fixedMs, 0]);
    }
    expect(steer(latency, points, cheapest, at(0), { ...quiet, fixedMs: 110 }, 0).point).toBeGreaterThan(0);
  });

  it('counts what other policies keep busy', () => {
    const busy = { ...quiet, ratePerSecond: 100, waitMs: 60 };
    expect(steer(latency, points, cheapest, at(0), busy, 0).point).toBe(1);
    expect(steer(latency, points, cheapest, at(0), { ...busy, othersBusy: 1.2 }, 0).point).toBe(2);
  });

  it('goes back a step at a time, each after a calm while', () => {
    let state = at(3);
    const steps: [number, number][] = [];
    for (let now = 0; now <= 12_000; now += 100) {
      const load = { ...quiet, inferenceMs: (10 * points[state.point]!.macs) / 800 };
      const next = steer(latency, points, cheapest, state, load, now);
      if (next.point !== state.point) steps.push([now, next.point]);
      state = next;
    }
    expect(steps.map(([, point]) => point)).toEqual([2, 1, 0]);
    expect(steps[0]![0]).toBe(3000);
    expect(steps[1]![0] - steps[0]![0]).toBeGreaterThanOrEqual(3000);
  });

  it('starts to count the calm anew after each restless moment', () => {
    const restless = { ...quiet, inferenceMs: 5, waitMs: 40 };
    expect(steer(latency, points, cheapest, at(1, 0), restless, 2900)).toEqual(at(1));
    expect(steer(latency, points, cheapest, at(1), { ...quiet, inferenceMs: 5 }, 3000)).toEqual(at(1, 3000));
  });

  it('does not go back to a point that would be busy again', () => {
    // 7 ms x 220 / 2 = 77 % at point 1, where the load came from
    const load = { ...quiet, inferenceMs: 2.5, ratePerSecond: 220 };
    expect(steer(latency, points, cheapest, at(2, 0), load, 60_000)).toEqual(at(2));
  });

  it('goes back to a far dearer point by what that took when it served, not by what the cheap one does besides multiplying', () => {
    const apart = [
      { macs: 4000, agreement: 1 },
      { macs: 100, agreement: 1 },
    ];
    const cheap = 1;
    // In proportion 40 ms x 60 / 2 = 120 %; remembered (10 + 2) ms: 36 %
    const load = { ...quiet, inferenceMs: 1, ratePerSecond: 60 };
    expect(steer(latency, apart, cheap, at(1, 0), load, 60_000)).toEqual(at(1));
    expect(steer(latency, apart, cheap, at(1, 0), { ...load, remembered: new Map([[4000, 10]]) }, 60_000).point).toBe(
      0,
    );
    // What was remembered of a hard moment does not keep it away for ever.
    const few = { ...load, ratePerSecond: 20, remembered: new Map([[4000, 400]]) };
    expect(steer(latency, apart, cheap, at(1, 0), few, 60_000).point).toBe(0);
  });

  it('keeps to what is allowed when that has changed under it', () => {
    expect(steer(latency, points, 1, at(3), quiet, 0).point).toBe(1);
  });
});

describe('the controller with a goal of MACs a second', () => {
  const goal = { macs_per_second: 40_000 };
  it('serves the dearest point whose rate stays under it', () => {
    expect(steer(goal, points, cheapest, at(0), { ...quiet, ratePerSecond: 50 }, 0).point).toBe(0);
    expect(steer(goal, points, cheapest, at(0), { ...quiet, ratePerSecond: 51 }, 0).point).toBe(1);
    expect(steer(goal, points, cheapest, at(0), { ...quiet, ratePerSecond: 300 }, 0).point).toBe(3);
  });
  it('goes back when the dearer point has room to spare, after a calm while', () => {
    // 90 x 400 = 36,000 is within the goal, but not with room to spare
    expect(steer(goal, points, cheapest, at(2, 0), { ...quiet, ratePerSecond: 90 }, 9000).point).toBe(2);
    expect(steer(goal, points, cheapest, at(2, 0), { ...quiet, ratePerSecond: 60 }, 9000).point).toBe(1);
  });
});
