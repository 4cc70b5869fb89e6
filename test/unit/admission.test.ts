import { describe, expect, it } from 'vitest';
import { type Ask, type Crowd, GOAL_SHARE, refusalOf, WAIT_SHARE } from '../../src/gateway/admission.js';

const LIMITS = { queue: 100, bytes: 1000, maxWaitMs: 2000, batchShare: 0.5 };
const IDLE: Crowd = { queued: 0, bytes: 0, waitMs: 0, drainMs: 0 };
const interactive: Ask = {
  priority: 'interactive',
  bytes: 10,
  leftMs: Number.POSITIVE_INFINITY,
  goalMs: Number.POSITIVE_INFINITY,
};
const batch: Ask = { ...interactive, priority: 'batch' };

describe('admission', () => {
  it('refuses nobody where nothing waits, however near the deadline is', () => {
    expect(refusalOf(LIMITS, IDLE, interactive)).toBeUndefined();
    expect(refusalOf(LIMITS, IDLE, batch)).toBeUndefined();
    for (const leftMs of [1, 0, -5]) expect(refusalOf(LIMITS, IDLE, { ...interactive, leftMs })).toBeUndefined();
  });

  it.each<[string, Partial<Crowd>, Partial<Ask>, string | undefined]>([
    ['the last place', { queued: 99 }, {}, undefined],
    ['no place', { queued: 100 }, {}, 'queue'],
    ['the last place of batch', { queued: 49 }, batch, undefined],
    ['no place for batch', { queued: 50 }, batch, 'queue'],
    ['the last bytes', { bytes: 990 }, {}, undefined],
    ['no bytes', { bytes: 991 }, {}, 'bytes'],
    ['no bytes for batch', { bytes: 491 }, batch, 'bytes'],
    ['one picture of batch, larger than its share, alone', {}, { ...batch, bytes: 900 }, undefined],
    ['a picture that is larger than all', {}, { bytes: 1001 }, 'bytes'],
    ['as long as one may wait', { waitMs: 2000 }, {}, undefined],
    ['longer', { waitMs: 2001 }, {}, 'wait'],
    ['as long as batch may wait', { waitMs: 1000 }, batch, undefined],
    ['longer than batch may', { waitMs: 1001 }, batch, 'wait'],
    ['as long as the deadline lets it', { waitMs: WAIT_SHARE * 500 }, { leftMs: 500 }, undefined],
    ['too long for the deadline', { waitMs: WAIT_SHARE * 500 + 1 }, { leftMs: 500 }, 'deadline'],
    ['as long as the goal lets it', { waitMs: GOAL_SHARE * 100 }, { goalMs: 100 }, undefined],
    ['too long for the goal', { waitMs: GOAL_SHARE * 100 + 1 }, { goalMs: 100, leftMs: 500 }, 'goal'],
    ['too long, the goal being later still', { waitMs: 2001 }, { goalMs: 60_000 }, 'wait'],
    ['too long, the deadline being later still', { waitMs: 2001 }, { leftMs: 60_000 }, 'wait'],
  ])('%s', (_, crowd, ask, reason) => {
    expect(refusalOf(LIMITS, { ...IDLE, ...crowd }, { ...interactive, ...ask })?.reason).toBe(reason);
  });

  it('names the time until there is room again, whole seconds from 1 to 60', () => {
    const after = (crowd: Partial<Crowd>, ask: Ask = interactive) =>
      refusalOf(LIMITS, { ...IDLE, ...crowd }, ask)?.retryAfterSeconds;
    expect(after({ waitMs: 2100 })).toBe(1);
    expect(after({ waitMs: 6500 })).toBe(5);
    expect(after({ waitMs: 6500 }, batch)).toBe(6);
    expect(after({ waitMs: 9e9 })).toBe(60);
    // Half of the places have to become free, and all of them take eight seconds.
    expect(after({ queued: 199, drainMs: 8000 })).toBe(5);
    expect(after({ queued: 100, drainMs: 0 })).toBe(1);
    expect(after({ bytes: 1500, drainMs: 9000 })).toBe(4);
    expect(after({ bytes: 0, drainMs: 0 }, { ...interactive, bytes: 2000 })).toBe(1);
  });
});
