import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { shared } from '../../src/http/shared.js';

describe('what is made for many', () => {
  it('is made once for all who asked before, and again for who asks later, after a rest', async () => {
    const times: number[] = [];
    const ask = shared(async () => {
      times.push(performance.now());
      await sleep(20);
      return times.length;
    });
    const first = [ask(), ask(), ask()];
    await sleep(5);
    const later = [ask(), ask()];
    expect(await Promise.all(first)).toEqual([1, 1, 1]);
    expect(await Promise.all([...later, ask()])).toEqual([2, 2, 2]);
    // Of 100 ms 20 go into it; timers may be a millisecond early.
    expect(times[1]! - times[0]!).toBeGreaterThanOrEqual(95);
  });

  it('is made anew where it failed', async () => {
    let made = 0;
    const ask = shared(() => (++made === 1 ? Promise.reject(new Error('no')) : Promise.resolve(made)));
    for (const each of [ask(), ask()]) await expect(each).rejects.toThrow('no');
    expect(await ask()).toBe(2);
  });
});
