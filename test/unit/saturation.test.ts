import { describe, expect, it } from 'vitest';
import { Saturation } from '../../src/gateway/saturation.js';

/** `busy` requests without an answer for so long; the time at its end. */
function hold(saturation: Saturation, lanes: number, busy: number, fromMs: number, forMs: number): number {
  for (let i = 0; i < busy; i++) saturation.enter(lanes, fromMs);
  for (let i = 0; i < busy; i++) saturation.leave(lanes, fromMs + forMs);
  return fromMs + forMs;
}

describe('saturation', () => {
  it('is 0 before anything came, and while nothing comes', () => {
    const saturation = new Saturation();
    expect(saturation.ratio(0)).toBe(0);
    expect(saturation.ratio(1e9)).toBe(0);
  });

  it.each([
    [4, 1, 0.25],
    [4, 2, 0.5],
    [4, 4, 1],
    [4, 400, 1],
    [0, 3, 1],
  ])('of %i lanes with %i requests comes to %d', (lanes, requests, ratio) => {
    const saturation = new Saturation();
    for (let i = 0; i < requests; i++) saturation.enter(lanes, 0);
    expect(saturation.ratio(10 * 60_000)).toBeCloseTo(ratio, 6);
  });

  it('is the share of time that a lane was taken, whatever the requests look like', () => {
    const saturation = new Saturation();
    let now = 0;
    // Half of each 20 ms one lane of two has a request: a quarter.
    for (let i = 0; i < 10_000; i++) now = hold(saturation, 2, 1, now, 10) + 10;
    expect(saturation.ratio(now)).toBeCloseTo(0.25, 2);
  });

  it('does not depend on how often it is read', () => {
    const [often, seldom] = [new Saturation(), new Saturation()];
    for (const each of [often, seldom]) each.enter(2, 0);
    for (let at = 0; at < 9000; at += 7) often.ratio(at);
    expect(often.ratio(9000)).toBeCloseTo(seldom.ratio(9000), 9);
  });

  it('fades when the load goes, within less than a minute', () => {
    const saturation = new Saturation();
    const now = hold(saturation, 2, 8, 0, 600_000);
    expect(saturation.ratio(now)).toBeCloseTo(1, 6);
    expect(saturation.ratio(now + 15_000)).toBeCloseTo(1 / Math.E, 3);
    expect(saturation.ratio(now + 60_000)).toBeLessThan(0.02);
  });
});
