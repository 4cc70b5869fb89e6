import { describe, expect, it } from 'vitest';
import { TokenBuckets } from '../../src/http/token-bucket.js';

describe('a token bucket', () => {
  it('gives its burst at once, then a token at a time', () => {
    const buckets = new TokenBuckets({ perSecond: 2, burst: 3 });
    expect([0, 0, 0, 0].map((at) => buckets.take('a', at))).toEqual([0, 0, 0, 500]);
    expect(buckets.take('a', 499)).toBe(1);
    expect(buckets.take('a', 500)).toBe(0);
    expect(buckets.take('a', 500)).toBe(500);
  });

  it('is full again after a while, and never fuller', () => {
    const buckets = new TokenBuckets({ perSecond: 10, burst: 2 });
    for (const at of [0, 0]) buckets.take('a', at);
    expect([60_000, 60_000, 60_000].map((at) => buckets.take('a', at))).toEqual([0, 0, 100]);
  });

  it('takes nothing where it refuses: who asks again and again waits no longer', () => {
    const buckets = new TokenBuckets({ perSecond: 1, burst: 1 });
    buckets.take('a', 0);
    for (let at = 1; at < 1000; at++) expect(buckets.take('a', at)).toBe(1000 - at);
    expect(buckets.take('a', 1000)).toBe(0);
  });

  it('knows rates below one a second, and callers apart', () => {
    const buckets = new TokenBuckets({ perSecond: 0.1, burst: 1 });
    expect(buckets.take('a', 0)).toBe(0);
    expect(buckets.take('a', 1000)).toBe(9000);
    expect(buckets.take('b', 1000)).toBe(0);
  });

  it('gives as many tokens in any stretch of time as came back in it, and its burst', () => {
    const buckets = new TokenBuckets({ perSecond: 7, burst: 5 });
    let taken = 0;
    for (let at = 0; at <= 100_000; at += 3) taken += Number(buckets.take('a', at) === 0);
    expect(taken).toBeGreaterThanOrEqual(700);
    expect(taken).toBeLessThanOrEqual(706);
  });
});

describe('tokens that are owed', () => {
  it('are waited for before the next one, however many more than the bucket holds', () => {
    const buckets = new TokenBuckets({ perSecond: 1, burst: 3 });
    expect(buckets.take('a', 0)).toBe(0);
    buckets.owe('a', 10, 0);
    // Eleven of three: eight that were not there, and the next one.
    expect(buckets.take('a', 0)).toBe(9000);
    expect(buckets.take('a', 8999)).toBe(1);
    expect(buckets.take('a', 9000)).toBe(0);
    expect(buckets.take('b', 0)).toBe(0);
  });

  it('leave those that are still there', () => {
    const buckets = new TokenBuckets({ perSecond: 1, burst: 4 });
    buckets.take('a', 0);
    buckets.owe('a', 2, 0);
    buckets.owe('a', 0, 0);
    expect([0, 0].map((at) => buckets.take('a', at))).toEqual([0, 1000]);
  });
});
