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
const facts = (ms: number) => [[{ macs: 1, batch: 1, ms }]];

describe('the survey', () => {
  it('hands out the dearest cascade first, decodes last, and is whole when all are back', () => {
    const survey = new Survey<string>([small, large]);
    expect(survey.next('a')).toEqual({ cascade: 'large' });
    expect(survey.next('b')).toEqual({ cascade: 'small' });
    expect(survey.next('a')).toBeUndefined();
    survey.done('b', { cascade: 'small', facts: facts(1) });
    expect(survey.next('b')).toEqual({ sides: [24, 32, 64, 192] });
    survey.done('b', { decode });
    expect(survey.facts).toBeUndefined();
    survey.done('a', { cascade: 'large', facts: facts(2) });
    expect(survey.facts).toEqual({ cascades: { small: facts(1), large: facts(2) }, decode });
    expect(survey.next('a')).toBeUndefined();
  });

  it('gives the part of a lane that died to another', () => {
    const survey = new Survey<string>([large]);
    survey.next('a');
    survey.next('b');
    survey.lost('a');
    expect(survey.next('c')).toEqual({ cascade: 'large' });
    survey.lost('never had one');
    survey.done('b', { decode });
    expect(survey.facts).toBeUndefined();
    survey.done('c', { cascade: 'large', facts: facts(1) });
    expect(survey.facts?.cascades).toEqual({ large: facts(1) });
  });

  it('measures only what is not known', () => {
    const known = { cascades: { small: facts(1) }, decode };
    expect(new Survey<string>([small], known).facts).toEqual(known);
    const survey = new Survey<string>([small, large], known);
    expect(survey.next('a')).toEqual({ cascade: 'large' });
    expect(survey.next('b')).toBeUndefined();
    const other = new Survey<string>([cascade('small', 48)], known);
    expect(other.next('a')).toEqual({ sides: [48] });
  });
});
