import { describe, expect, it } from 'vitest';
import type { Answer, Cascade, Policy } from '../../src/console/api-types.js';
import { spoken } from '../../src/console/spoken.js';
import { reasonOf, walkOf, wayOf } from '../../src/console/way.js';

const small = { backbone: 'net', width: 0.5, resolution: 24 };
const large = { backbone: 'net', width: 1, resolution: 32 };
const exits = (...macs: number[]) => macs.map((each, at) => ({ exit: at + 1, macs: each }));
const cascade: Cascade = {
  name: 'animals',
  default: true,
  description: '',
  classes: 3,
  full_macs: 100,
  policies: ['climbing'],
  rungs: [
    { id: 'net/0.5@24', ...small, exits: exits(10, 15, 20) },
    { id: 'net/1@32', ...large, exits: exits(40, 70, 100) },
  ],
};
const route = [
  { rung: 'net/0.5@24', thresholds: [0.9, 0.8] },
  { rung: 'net/1@32', thresholds: [0.95, 0.7, null] },
];

type Steps = Answer['route']['steps'];
function answered(steps: Steps, at = steps.at(-1)!, reason: Answer['route']['reason'] = 'confident'): Answer {
  const { threshold: _, ...place } = at;
  return {
    id: 'one',
    cascade: 'animals',
    policy: 'climbing',
    predictions: [{ index: 0, label: 'cat', probability: 0.875 }],
    route: { ...place, reason, policy_version: 'v1', steps },
    cost: { macs: 45, full_macs: 100, ratio: 0.45, queue_ms: 1, decode_ms: 1, inference_ms: 1, total_ms: 3 },
  };
}
const climbed: Steps = [
  { ...small, exit: 1, score: 0.4, threshold: 0.9 },
  { ...small, exit: 2, score: 0.5, threshold: 0.8 },
  { ...large, exit: 1, score: 0.96, threshold: 0.95 },
];

describe('the way of a picture', () => {
  it('has a row a rung and a chamber an exit of the policy: passed, left, never run, each with what its stage costs', () => {
    const { rungs, top } = wayOf(answered(climbed), cascade, { route });
    expect(rungs.map(({ rung, exits }) => [rung.id, exits.map(({ state, macs }) => `${state} ${macs}`)])).toEqual([
      ['net/0.5@24', ['passed 10', 'passed 5']],
      ['net/1@32', ['left 40', 'saved 30', 'saved 30']],
    ]);
    expect(rungs[1]!.exits.map(({ score, threshold, order }) => [score, threshold, order])).toEqual([
      [0.96, 0.95, 2],
      [undefined, 0.7, undefined],
      [undefined, null, undefined],
    ]);
    expect(top).toBe(1);
  });

  it('marks a rung that was entered and one that was not', () => {
    const { rungs } = wayOf(answered(climbed.slice(0, 1)), cascade, { route });
    expect(rungs.map(({ isEntered }) => isEntered)).toEqual([true, false]);
  });

  it('marks the exit that answered, which a deadline may put before the last one', () => {
    const { rungs } = wayOf(answered(climbed, climbed[1]!, 'deadline'), cascade, { route });
    expect(rungs.flatMap(({ exits }) => exits.map(({ state }) => state))).toEqual([
      'passed',
      'left',
      'passed',
      'saved',
      'saved',
    ]);
  });

  it('shows only what the picture saw where its route is not known, or is another one', () => {
    const elsewhere = { route: [route[1]!] };
    for (const walk of [undefined, elsewhere]) {
      const { rungs } = wayOf(answered(climbed.slice(0, 2)), cascade, walk);
      expect(rungs.map(({ rung, exits }) => [rung.id, exits.length])).toEqual([['net/0.5@24', 3]]);
    }
  });

  it('has gauges as high as the highest score or threshold, where scores count exits', () => {
    const steps = [{ ...small, exit: 1, score: 1, threshold: 3 }];
    expect(wayOf(answered(steps), cascade, undefined).top).toBe(3);
  });
});

describe('the route of an answer', () => {
  const points = [
    { name: 'dear', expected: { macs: 50, agreement: 1 }, route },
    { name: 'cheap', expected: { macs: 20, agreement: 0.9 }, route: [route[1]!] },
  ];
  const policy = (rule: object): Policy => ({
    name: 'climbing',
    default: true,
    version: 'v1',
    serving: {},
    content: {
      kind: 'threshold',
      description: '',
      score: 'max_probability',
      ensemble: 'none',
      cascades: { animals: rule },
    },
  });

  it('is that of the policy, or of the point that answered', () => {
    expect(walkOf(answered(climbed), [policy({ route })])?.route).toEqual(route);
    const answer = answered(climbed);
    const cheap = { ...answer, route: { ...answer.route, point: 'cheap' } };
    expect(walkOf(cheap, [policy({ points })])?.route).toEqual([route[1]]);
  });

  it('is not known of another version of the policy', () => {
    expect(walkOf(answered(climbed), [{ ...policy({ route }), version: 'v2' }])).toBeUndefined();
  });
});

describe('an answer in words', () => {
  it('says what, how sure, where it left, and what was saved', () => {
    expect(spoken(answered(climbed))).toBe(
      'cat, 87.5 %. Policy climbing left at exit 1 of net, width 1, at 32 px: 55 % saved.',
    );
    const dear = answered(climbed);
    expect(spoken({ ...dear, cost: { ...dear.cost, ratio: 1.2 } })).toContain('20 % more than the full network');
  });

  it('says why there', () => {
    const reasons = (['confident', 'final', 'deadline', 'budget'] as const).map((reason) =>
      reasonOf(answered(climbed, climbed[0]!, reason)),
    );
    expect(new Set(reasons).size).toBe(4);
    for (const reason of reasons) expect(reason).toMatch(/^[A-Z].*\.$/);
  });
});
