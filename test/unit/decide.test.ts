import { describe, expect, it } from 'vitest';
import type { CascadeFacts } from '../../src/cascade/cascade.js';
import { decide, type ExitScore, following, surest } from '../../src/policy/decide.js';
import { somePlan } from '../support/plan.js';

const facts: CascadeFacts = [
  [
    { macs: 10, batch: 8, ms: 1 },
    { macs: 20, batch: 8, ms: 2 },
  ],
  [
    { macs: 100, batch: 4, ms: 5 },
    { macs: 200, batch: 4, ms: 8 },
  ],
];
const plan = somePlan([
  { rung: 0, thresholds: [0.9, 0.8], reach: 1 },
  { rung: 1, thresholds: [null, null], reach: 1 },
]);
const free = { leftMs: Number.POSITIVE_INFINITY, spentMacs: 0 };
const exit = (leg: number, stage: number, score: number, guess = 0): ExitScore => ({ leg, stage, score, guess });

describe('decide', () => {
  it('answers where the score reaches the threshold, also exactly', () => {
    expect(decide(plan, facts, [exit(0, 0, 0.9)], free)).toEqual({ kind: 'answer', reason: 'confident', exit: 0 });
  });
  it('goes deeper in the same rung below the threshold', () => {
    expect(decide(plan, facts, [exit(0, 0, 0.89)], free)).toEqual({ kind: 'continue', next: { leg: 0, stage: 1 } });
  });
  it('climbs to the next rung after the last exit of a rung', () => {
    const passed = [exit(0, 0, 0.5), exit(0, 1, 0.79)];
    expect(decide(plan, facts, passed, free)).toEqual({ kind: 'continue', next: { leg: 1, stage: 0 } });
  });
  it('never leaves at an exit whose threshold is null', () => {
    const passed = [exit(0, 0, 0.5), exit(0, 1, 0.5), exit(1, 0, 1)];
    expect(decide(plan, facts, passed, free)).toEqual({ kind: 'continue', next: { leg: 1, stage: 1 } });
  });
  it('answers at the end of the walk whatever the score, with the last exit', () => {
    const passed = [exit(0, 0, 0.5), exit(0, 1, 0.7), exit(1, 0, 0.3), exit(1, 1, 0.2)];
    expect(decide(plan, facts, passed, free)).toEqual({ kind: 'answer', reason: 'final', exit: 3 });
  });
  it('answers with the surest exit when the next stage would miss the deadline', () => {
    const passed = [exit(0, 0, 0.7), exit(0, 1, 0.6)];
    expect(decide(plan, facts, passed, { leftMs: 4.9, spentMacs: 30 })).toEqual({
      kind: 'answer',
      reason: 'deadline',
      exit: 0,
    });
    expect(decide(plan, facts, passed, { leftMs: 5, spentMacs: 30 }).kind).toBe('continue');
  });
  it('answers with the surest exit when the next stage would exceed the budget', () => {
    const passed = [exit(0, 0, 0.5), exit(0, 1, 0.6)];
    const frugal = { ...plan, budgetMacs: 129 };
    expect(decide(frugal, facts, passed, { leftMs: 1e9, spentMacs: 30 })).toEqual({
      kind: 'answer',
      reason: 'budget',
      exit: 1,
    });
    expect(decide({ ...plan, budgetMacs: 130 }, facts, passed, { leftMs: 1e9, spentMacs: 30 }).kind).toBe('continue');
  });
});

describe('a skip', () => {
  const three = somePlan([
    { rung: 0, thresholds: [0.9, 0.8], reach: 1, skip: { stage: 0, below: 0.3, leg: 2 } },
    { rung: 0, thresholds: [0.9], reach: 0.5 },
    { rung: 1, thresholds: [null], reach: 0.5 },
  ]);
  it('leads from a hopeless score straight to its rung', () => {
    expect(decide(three, facts, [exit(0, 0, 0.29)], free)).toEqual({ kind: 'continue', next: { leg: 2, stage: 0 } });
    expect(decide(three, facts, [exit(0, 0, 0.3)], free)).toEqual({ kind: 'continue', next: { leg: 0, stage: 1 } });
  });
  it('applies at its own exit only', () => {
    const passed = [exit(0, 0, 0.5), exit(0, 1, 0.1)];
    expect(decide(three, facts, passed, free)).toEqual({ kind: 'continue', next: { leg: 1, stage: 0 } });
  });
});

describe('class thresholds', () => {
  const strict = somePlan(plan.legs, { classThresholds: { 5: 0.95, 6: 0.1 } });
  it('ask more of an exit that answers with such a class, never less', () => {
    expect(decide(strict, facts, [exit(0, 0, 0.94, 5)], free).kind).toBe('continue');
    expect(decide(strict, facts, [exit(0, 0, 0.95, 5)], free).kind).toBe('answer');
    expect(decide(strict, facts, [exit(0, 0, 0.94, 4)], free).kind).toBe('answer');
    expect(decide(strict, facts, [exit(0, 0, 0.89, 6)], free).kind).toBe('continue');
  });
  it('leave the last exit its answer', () => {
    const passed = [exit(0, 0, 0.1, 5), exit(0, 1, 0.1, 5), exit(1, 0, 0.1, 5), exit(1, 1, 0.1, 5)];
    expect(decide(strict, facts, passed, free)).toMatchObject({ kind: 'answer', reason: 'final' });
  });
});

describe('following and surest', () => {
  it('walks every stage of every leg once', () => {
    const seen = [{ leg: 0, stage: 0 }];
    for (let at = following(plan, seen[0]!); at !== undefined; at = following(plan, at)) seen.push(at);
    expect(seen.map(({ leg, stage }) => `${leg}.${stage}`)).toEqual(['0.0', '0.1', '1.0', '1.1']);
  });
  it('prefers the later exit on ties', () => {
    expect(surest([exit(0, 0, 0.6), exit(0, 1, 0.6)])).toBe(1);
  });
});
