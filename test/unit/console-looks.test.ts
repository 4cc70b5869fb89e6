import { describe, expect, it } from 'vitest';
import { rangeOf } from '../../src/console/chart-range.js';
import { chartWords } from '../../src/console/chart-words.js';
import { gatewaysOf, intervalsOf, type Look, withLook } from '../../src/console/looks.js';
import { type Sightings, sighted } from '../../src/console/sightings.js';
import { roughly, timeOfDay } from '../../src/console/units.js';
import { service, snapshot } from '../support/snapshot.js';

/** @param started of the gateway; @param answered since then */
function look(seconds: number, answered: number, started = 5, atMs = seconds * 1000): Look {
  return { seenMs: seconds * 1000, snapshot: snapshot(atMs, [service('a', answered)], { started_ms: started }) };
}
const rates = (...looks: Look[]) => intervalsOf(looks, 'animals').map(({ answersPerSecond }) => answersPerSecond);

describe('the window of looks', () => {
  it('is five minutes of time, not of looks', () => {
    const seen = withLook([look(0, 0), look(100, 1), look(299, 2)], look(301, 3));
    expect(seen.map(({ seenMs }) => seenMs / 1000)).toEqual([100, 299, 301]);
    expect(withLook(seen, look(8 * 3600, 4))).toHaveLength(1);
  });

  it('holds nothing of the future: the clock was set back', () => {
    expect(withLook([look(50, 0), look(500, 1)], look(60, 2)).map(({ seenMs }) => seenMs)).toEqual([50_000, 60_000]);
  });
});

describe('the intervals of looks', () => {
  it('go from look to look', () => {
    expect(rates(look(0, 0), look(2, 20), look(4, 20))).toEqual([10, 0]);
  });

  it('leave a gap where nobody looked, and over a restart', () => {
    expect(rates(look(0, 0), look(2, 20), look(30, 200), look(32, 220))).toEqual([10, undefined, 10]);
    expect(rates(look(0, 0), look(2, 20), look(4, 1, 6), look(6, 21, 6))).toEqual([10, undefined, 10]);
  });

  it('leave a gap also where only the clock of the gateway tells of the pause', () => {
    expect(rates(look(0, 0), look(2, 20), look(4, 2000, 5, 4_000_000))).toEqual([10, undefined]);
  });

  it('are each of one gateway, where several answer in turn, with their clocks apart', () => {
    const ahead = (seconds: number, answered: number) => look(seconds, answered, 6, seconds * 1000 + 60_000);
    const looks = [look(0, 0), ahead(2, 100), look(4, 40), ahead(6, 180), look(8, 80)];
    expect(rates(...looks)).toEqual([undefined, 10, 20, 10]);
    expect(intervalsOf(looks, 'animals').map(({ atMs }) => atMs)).toEqual([2000, 4000, 6000, 8000]);
  });

  it('may be longer where more gateways take turns', () => {
    const looks = Array.from({ length: 24 }, (_, at) => look(2 * at, 10 * at, at % 6));
    expect(rates(...looks).slice(6)).not.toContain(undefined);
  });
});

describe('the gateways at an address', () => {
  it.each([
    ['none', [], 1],
    ['one', [5, 5, 5], 1],
    ['one that was started anew', [5, 5, 6, 6, 7], 1],
    ['two in turn', [5, 6, 5], 2],
    ['two by chance', [5, 5, 6, 6, 5, 6], 2],
    ['three', [5, 6, 7, 5, 6, 7], 3],
  ])('are counted: %s', (_, starts, expected) => {
    expect(gatewaysOf(starts.map((started, at) => look(2 * at, 0, started)))).toBe(expected);
  });
});

describe('a sight of a catalogue', () => {
  const news = (...seen: [started: number, catalogue: string][]) => {
    let before: Sightings = [];
    return seen.map(([started_ms, catalogue]) => {
      const { sightings, isNews } = sighted(before, { started_ms, catalogue });
      before = sightings;
      return isNews;
    });
  };

  it('is news at first, and when the gateway serves something else', () => {
    expect(news([1, 'a'], [1, 'a'], [1, 'b'], [1, 'a'])).toEqual([true, false, true, true]);
  });

  it('is none where two gateways serve different things in turn, but once', () => {
    expect(news([1, 'a'], [2, 'b'], [1, 'a'], [2, 'b'], [1, 'a'])).toEqual([true, true, false, false, false]);
  });

  it('is none of a gateway that was started anew with the same', () => {
    expect(news([1, 'a'], [2, 'a'], [3, 'c'])).toEqual([true, false, true]);
  });

  it('is not kept of gateways without end', () => {
    const many = Array.from({ length: 50 }, (_, at): [number, string] => [at, 'a']);
    let before: Sightings = [];
    for (const [started_ms, catalogue] of many) before = sighted(before, { started_ms, catalogue }).sightings;
    expect(before).toHaveLength(16);
  });
});

describe('the words beside the charts', () => {
  const times = { p50Ms: 38.4, p95Ms: 10_000, longestMs: 10_000 };
  const busy = { atMs: 4000, answersPerSecond: 99.6, refusalsPerSecond: 2, saving: 0.5, times, exits: { a: 1 } };
  const idle = { atMs: 6000, answersPerSecond: 0, refusalsPerSecond: 0, exits: {} };

  it('tell of times no more than the buckets do', () => {
    expect(chartWords([busy], undefined)).toEqual({
      answers: '99.6, 2 refused',
      times: 'p50 ≈ 38 ms, p95 > 10.0 s',
      saving: '50.0 %',
      exits: 'share of the answers by exit',
    });
    expect([8.06, 124, 1240].map(roughly)).toEqual(['≈ 8.1 ms', '≈ 120 ms', '≈ 1.2 s']);
  });

  it('say of when the last answers are, where there are none now', () => {
    const { answers, saving } = chartWords([busy, idle], undefined);
    expect(answers).toBe('0');
    expect(saving).toBe(`50.0 % at ${timeOfDay(4000)}`);
  });

  it('have no value where no gateway is seen, or none yet', () => {
    expect(new Set(Object.values(chartWords([busy], 5000)))).toEqual(new Set([`not seen since ${timeOfDay(5000)}`]));
    expect(chartWords([], undefined).answers).toBe('looking…');
    expect(chartWords([busy, { atMs: 6000, exits: {} }], undefined).answers).toBe('looking…');
  });
});

describe('the axis of a chart', () => {
  it('goes from 0, and below it where less than nothing is saved', () => {
    expect(rangeOf(0.2, 0.6, 1)).toEqual([0, 1]);
    expect(rangeOf(-0.2, 0.6, 1)[0]).toBeCloseTo(-0.23);
    expect(rangeOf(null, null)).toEqual([0, 1]);
  });
});
