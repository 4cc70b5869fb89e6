import { describe, expect, it } from 'vitest';
import { exitColours } from '../../src/console/exit-colours.js';
import { between, exitKey, quantile, totalsOf } from '../../src/console/traffic.js';
import { place, service, snapshot } from '../support/snapshot.js';

const refusing = (name: string, refused: number) => ({ name, version: '', refused });

describe('what happened between two looks', () => {
  it('is rates a second, saving, time and shares of exits, over all policies of the cascade and of no other', () => {
    const before = snapshot(1000, [service('a', 10)], {
      cascades: [refusing('animals', 3), refusing('plants', 7)],
      refused: 1,
    });
    const other = service('elsewhere', 500, { cascade: 'plants' });
    const exits = [
      { ...place, exit: 1, answers: 10 },
      { ...place, exit: 2, answers: 2 },
    ];
    const after = snapshot(3000, [service('a', 16), service('b', 12, { exits, macs: 1200 }), other], {
      cascades: [refusing('animals', 4), refusing('plants', 70)],
      refused: 9,
    });
    const interval = between(before, after, 'animals')!;
    expect(interval).toMatchObject({ atMs: 3000, answersPerSecond: 9, refusalsPerSecond: 0.5 });
    expect(interval.saving).toBeCloseTo(1 - (6 * 30 + 1200) / 1800);
    expect(interval.exits[exitKey({ ...place, exit: 1 })]).toBeCloseTo(16 / 18);
    expect(interval.exits[exitKey({ ...place, exit: 2 })]).toBeCloseTo(2 / 18);
    expect(interval.times!.p50Ms).toBeCloseTo(10);
    expect(interval.times!.p95Ms).toBeCloseTo(19);
    expect(interval.times!.longestMs).toBe(20);
  });

  it('has no saving and no time where nothing was answered', () => {
    const same = [service('a', 10)];
    const interval = between(snapshot(1000, same), snapshot(3000, same), 'animals')!;
    expect(interval).toEqual({ atMs: 3000, answersPerSecond: 0, refusalsPerSecond: 0, exits: {} });
  });

  it('is not told of two starts, nor of two looks at once', () => {
    const first = snapshot(1000, [service('a', 10)]);
    expect(between(first, snapshot(3000, [service('a', 1)], { started_ms: 6 }), 'animals')).toBeUndefined();
    expect(between(first, first, 'animals')).toBeUndefined();
  });

  it('adds up policies for the totals', () => {
    const totals = totalsOf(snapshot(0, [service('a', 10), service('b', 5)]), 'animals');
    expect(totals).toMatchObject({ answers: 15, macs: 450, fullMacs: 1500 });
    expect(totals.exits).toEqual({ [exitKey({ ...place, exit: 1 })]: 15 });
  });
});

describe('a quantile of buckets', () => {
  const buckets = (...answers: number[]) => answers.map((each, at) => ({ ms: [10, 20, 40, null][at]!, answers: each }));
  it.each([
    ['evenly within its bucket', buckets(0, 10, 10, 10), 0.5, 15],
    ['from nothing in the first bucket', buckets(10, 10, 10, 10), 0.5, 5],
    ['past empty buckets', buckets(2, 2, 10, 10), 0.9, 20 + 20 * (7 / 8)],
    ['the last bound for what is beyond all', buckets(0, 0, 0, 10), 0.5, 40],
    ['unknown of nothing', buckets(0, 0, 0, 0), 0.5, undefined],
  ])('is %s', (_, latency, share, expected) => {
    const found = quantile(latency, share);
    if (expected === undefined) expect(found).toBeUndefined();
    else expect(found).toBeCloseTo(expected);
  });
});

describe('the colours of exits', () => {
  const rung = (width: number) => ({
    id: `net/${width}@32`,
    ...place,
    width,
    exits: [1, 2].map((exit) => ({ exit, macs: exit })),
  });
  const rungs = [rung(0.5), rung(1)];
  const cascade = { name: 'animals', default: true, description: '', classes: 2, full_macs: 2, policies: [], rungs };

  it('go cheap to dear, one colour for each exit that has answered and none for the others', () => {
    const keys = rungs.flatMap((each) => each.exits.map(({ exit }) => exitKey({ ...each, exit })));
    const all = exitColours(cascade, new Set(keys));
    expect(all.map(({ key }) => key)).toEqual(keys);
    expect(new Set(all.map(({ colour }) => colour)).size).toBe(4);
    for (const { colour } of all) expect(colour).toMatch(/^hsl\(\d+ 60% \d+%\)$/);
    expect(exitColours(cascade, new Set([keys[2]!])).map(({ name }) => name)).toEqual([
      'net, width 1, at 32 px, exit 1',
    ]);
  });
});
