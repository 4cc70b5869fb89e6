import { describe, expect, it } from 'vitest';
import { addressKey, type BookLimits, ConnectionBook } from '../../src/http/connection-book.js';
import { isTooSlow, SOCKET_LIMITS } from '../../src/http/socket-limits.js';

const book = (limits: Partial<BookLimits> = {}) =>
  new ConnectionBook<string>({ connections: 3, perAddress: 0, ...limits });

/** Lets a, b and c in, a second apart. */
function full() {
  const it = book();
  for (const [at, name] of ['a', 'b', 'c'].entries()) it.arrive(name, 'x', 1000 * at);
  return it;
}

describe('at the limit of connections', () => {
  it('a newcomer takes the place of the oldest that has not brought a head', () => {
    const it = full();
    expect(it.arrive('d', 'x', 3000)).toEqual({ let: 'in', instead: { connection: 'a', phase: 'fresh' } });
    expect(it.has('a')).toBe(false);
    expect(it.size).toBe(3);
  });

  it('a kept-alive one goes before one that has just come', () => {
    const it = full();
    it.move('c', 'idle', 1900);
    expect(it.arrive('d', 'x', 1999)).toMatchObject({ instead: { connection: 'c' } });
  });

  it('but one that has said nothing for two seconds goes before a kept-alive one', () => {
    const it = full();
    it.move('a', 'idle', 100);
    expect(it.arrive('d', 'x', 3000)).toMatchObject({ instead: { connection: 'b' } });
  });

  it('the kept-alive one that has waited longest goes first', () => {
    const it = full();
    for (const [name, at] of [
      ['b', 10],
      ['c', 20],
      ['a', 30],
    ] as const)
      it.move(name, 'idle', at);
    expect(it.arrive('d', 'x', 3000)).toMatchObject({ instead: { connection: 'b' } });
  });

  it('a body that has been coming for five seconds goes, a younger one does not', () => {
    const it = full();
    for (const name of ['a', 'b', 'c']) it.move(name, 'reading', 3000);
    expect(it.arrive('d', 'x', 7999)).toEqual({ let: 'away', why: 'full' });
    expect(it.arrive('d', 'x', 8000)).toMatchObject({ instead: { connection: 'a', phase: 'reading' } });
  });

  it('whose answer has waited to be read for five seconds goes, before any body', () => {
    const it = full();
    it.move('a', 'working', 3000);
    it.move('b', 'writing', 3000);
    it.move('c', 'reading', 3000);
    expect(it.arrive('d', 'x', 7999)).toEqual({ let: 'away', why: 'full' });
    expect(it.arrive('d', 'x', 8000)).toMatchObject({ instead: { connection: 'b', phase: 'writing' } });
    expect(it.arrive('e', 'x', 8000)).toMatchObject({ instead: { connection: 'c', phase: 'reading' } });
  });

  it('nobody goes who is being answered', () => {
    const it = full();
    for (const name of ['a', 'b', 'c']) it.move(name, 'working', 3000);
    expect(it.arrive('d', 'x', 99_000)).toEqual({ let: 'away', why: 'full' });
    it.leave('b');
    it.leave('b');
    expect(it.arrive('d', 'x', 99_000)).toEqual({ let: 'in' });
  });
});

describe('a burst of callers', () => {
  it('does not turn itself out: for a quarter of a second the next ones are turned away', () => {
    const it = book();
    for (const name of ['a', 'b', 'c']) it.arrive(name, 'x', 0);
    expect(it.arrive('d', 'x', 249)).toEqual({ let: 'away', why: 'full' });
    expect(it.arrive('d', 'x', 250)).toMatchObject({ let: 'in', instead: { connection: 'a' } });
  });
});

describe('the limit of one address', () => {
  it('turns its next connection away, and nobody else', () => {
    const it = book({ connections: 100, perAddress: 2 });
    it.arrive('a', 'x', 0);
    it.arrive('b', 'x', 0);
    expect(it.arrive('c', 'x', 0)).toEqual({ let: 'away', why: 'address' });
    expect(it.arrive('d', 'y', 0)).toEqual({ let: 'in' });
    it.leave('a');
    expect(it.arrive('c', 'x', 0)).toEqual({ let: 'in' });
  });

  it.each([
    ['203.0.113.7', '203.0.113.7'],
    ['::ffff:203.0.113.7', '203.0.113.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8:1:2::99', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    [undefined, ''],
  ])('counts %s as %s', (address, key) => {
    expect(addressKey(address)).toBe(key);
  });
});

describe('a body is too slow', () => {
  const limits = { ...SOCKET_LIMITS, minBodyRate: 1000 };
  it.each([
    ['not in its first five seconds', 0, 5000, false],
    ['when it came with less than the rate', 5999, 6000, true],
    ['not with the rate', 6000, 6000, false],
  ])('%s', (_, bytes, ms, slow) => {
    expect(isTooSlow(bytes, ms, limits)).toBe(slow);
  });

  it('never without a rate', () => {
    expect(isTooSlow(0, 1e9, { ...limits, minBodyRate: 0 })).toBe(false);
  });
});
