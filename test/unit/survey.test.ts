import { describe, expect, it } from 'vitest';
import type { Cascade, Rung } from '../../src/cascade/cascade.js';
import { Survey } from '../../src/gateway/survey.js';

const cascade = (name: string, ...resolutions: number[]): Cascade => {
  const rungs = resolutions.map((resolution) => ({ resolution, stages: [{}, {}] }));
  return { name, rungs: rungs as unknown as readonly Rung[] } as unknown as Cascade;
};
const small = cascade('small', 24, 32);
const large = cascade('large', 64, 192);
const decode = { sources: [1], ms: { 24: [1], 32: [1], 64: [1], 192: [1] }, shrinkMs: 1 };
const times = [
  { batch: 1, ms: 1 },
  { batch: 2, ms: 3 },
];
const MACS = [
  [7, 8],
  [7, 8],
];
const factsOfRung = [
  { macs: 7, batch: 1, ms: 1 },
  { macs: 8, batch: 2, ms: 3 },
];

/** One lane does all that is open. */
function finish(survey: Survey<string>, lane: string) {
  for (let part = survey.next(lane); part !== undefined; part = survey.next(lane)) {
    if ('sides' in part) survey.done(lane, { decode });
    else survey.done(lane, { ...part, stages: times });
  }
}

describe('the survey', () => {
  it('hands out decodes, then rungs from the largest to the smallest, and is whole when all are back and counted', () => {
    const survey = new Survey<string>([small, large]);
    expect(survey.next('a')).toEqual({ sides: [24, 32, 64, 192] });
    expect(survey.next('b')).toEqual({ cascade: 'large', rung: 1 });
    expect(survey.next('a')).toBeUndefined();
    survey.done('b', { cascade: 'large', rung: 1, stages: times });
    for (const part of [
      { cascade: 'large', rung: 0 },
      { cascade: 'small', rung: 1 },
    ]) {
      expect(survey.next('b')).toEqual(part);
      survey.done('b', { ...part, stages: times });
    }
    expect(survey.next('b')).toEqual({ cascade: 'small', rung: 0 });
    survey.done('a', { decode });
    expect(survey.next('a')).toBeUndefined();
    survey.counted({ small: MACS, large: MACS });
    expect(survey.facts).toBeUndefined();
    survey.done('b', { cascade: 'small', rung: 0, stages: times });
    const both = [factsOfRung, factsOfRung];
    expect(survey.facts).toEqual({ cascades: { small: both, large: both }, decode });
  });

  it('is not whole before all is counted', () => {
    const survey = new Survey<string>([small, large]);
    finish(survey, 'a');
    survey.counted({ small: MACS });
    expect(survey.facts).toBeUndefined();
    survey.counted({ large: MACS });
    expect(Object.keys(survey.facts!.cascades)).toEqual(['small', 'large']);
  });

  it('gives the part of a lane that died to another', () => {
    const survey = new Survey<string>([large]);
    survey.counted({ large: MACS });
    survey.next('a');
    survey.next('b');
    survey.lost('b');
    survey.lost('never had one');
    expect(survey.next('c')).toEqual({ cascade: 'large', rung: 1 });
    survey.done('c', { cascade: 'large', rung: 1, stages: times });
    finish(survey, 'c');
    expect(survey.facts).toBeUndefined();
    survey.done('a', { decode });
    expect(Object.keys(survey.facts!.cascades)).toEqual(['large']);
  });

  it('measures only what is not known', () => {
    const known = { cascades: { small: [factsOfRung, factsOfRung] }, decode };
    expect(new Survey<string>([small], known).facts).toEqual(known);
    const survey = new Survey<string>([small, large], known);
    survey.counted({ small: MACS, large: MACS });
    expect(survey.next('a')).toEqual({ cascade: 'large', rung: 1 });
    survey.lost('a');
    finish(survey, 'a');
    expect(Object.keys(survey.facts!.cascades).sort()).toEqual(['large', 'small']);
    const other = new Survey<string>([cascade('small', 48)], known);
    expect(other.next('a')).toEqual({ sides: [48] });
  });

  it('forgets a cascade that cannot be counted, also where another lane still measures it', () => {
    const survey = new Survey<string>([small, large]);
    survey.next('a');
    survey.done('a', { decode });
    expect(survey.next('b')).toEqual({ cascade: 'large', rung: 1 });
    survey.leaveOut('large');
    survey.counted({ small: MACS });
    survey.done('b', { cascade: 'large', rung: 1, stages: times });
    expect(survey.next('b')).toEqual({ cascade: 'small', rung: 1 });
    survey.lost('b');
    expect(survey.facts).toBeUndefined();
    finish(survey, 'a');
    expect(Object.keys(survey.facts!.cascades)).toEqual(['small']);
  });
});
