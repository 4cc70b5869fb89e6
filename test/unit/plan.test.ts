import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import type { Cascade } from '../../src/cascade/cascade.js';
import { parseYaml } from '../../src/config-file.js';
import { fullPlan, plansFor } from '../../src/policy/plan.js';
import { PolicyFile } from '../../src/policy/schema.js';
import { configErrorOf } from '../support/config-error.js';

const rung = (id: string, exits: number) => ({
  id,
  backbone: 'net',
  width: 1,
  resolution: 32,
  stages: Array.from({ length: exits }, (_, i) => ({
    file: `${i}.onnx`,
    inputs: ['image'],
    features: [],
    logits: 'exit',
    temperature: 1,
  })),
});
const cascade = (name: string): Cascade => ({
  name,
  file: 'cascade.yaml',
  description: '',
  isDefault: false,
  labels: [{ name: 'a' }, { name: 'b' }],
  input: { layout: 'nhwc-uint8', tensor: 'image', scale: 1, kernel: 'cubic' },
  rungs: [rung('net/0.5@24', 2), rung('net/0.5@32', 2), rung('net/1@32', 3)],
});
const photos = cascade('photos');
const threshold = (route: object[], more: object = {}) =>
  PolicyFile.parse({ kind: 'threshold', cascades: { photos: { route, ...more } } });
const named = (policy: PolicyFile, name = 'p') => ({ name, file: 'p.yaml', version: '1', policy });
const planFor = (policy: PolicyFile) => plansFor(named(policy), photos)[0];
const refused = (route: object[]) => configErrorOf(() => plansFor(named(threshold(route)), photos));

describe('a policy resolved against a cascade', () => {
  it('walks its rungs in its own order, with their places in the cascade', () => {
    const policy = threshold([
      { rung: 'net/1@32', thresholds: [0.9, null, 0.8] },
      { rung: 'net/0.5@24', thresholds: [0.7, null] },
    ]);
    expect(planFor(policy)).toEqual({
      cascade: 'photos',
      policy: 'p',
      version: '1',
      score: 'max_probability',
      ensemble: 'none',
      classThresholds: {},
      legs: [
        { rung: 2, thresholds: [0.9, null, 0.8], reach: 1 },
        { rung: 0, thresholds: [0.7, null], reach: 0.5 },
      ],
      budgetMacs: Number.POSITIVE_INFINITY,
    });
  });

  it('carries the budget', () => {
    const policy = threshold([{ rung: 'net/0.5@24', thresholds: [0.7, null] }], { budget_macs: 1e6 });
    expect(planFor(policy)?.budgetMacs).toBe(1e6);
  });

  const three = [
    { rung: 'net/0.5@24', thresholds: [0.7, null] },
    { rung: 'net/0.5@32', thresholds: [0.7, null] },
    { rung: 'net/1@32', thresholds: [0.9, null, null] },
  ];

  it('expects half of the pictures to climb, or the share that the policy states', () => {
    const stated = [three[0]!, { ...three[1]!, reach: 0.3 }, three[2]!];
    expect(planFor(threshold(stated))?.legs.map(({ reach }) => reach)).toEqual([1, 0.3, 0.15]);
  });

  const entry = {
    rung: 'net/1@32',
    above: 0.6,
    intercept: -1,
    weights: { colour: 4, gradient: 3, bits_per_pixel: 2, log_pixels: 1 },
  };

  it('carries the rule of entry, its weights in the order of the features', () => {
    const plan = planFor(threshold(three, { entry }));
    expect(plan?.entry).toEqual({ leg: 2, above: 0.6, intercept: -1, weights: [1, 2, 3, 4] });
  });

  it('is refused when the rule of entry names the first rung or none of the route', async () => {
    for (const rung of ['net/0.5@24', 'net/2@32']) {
      const broken = () => planFor(threshold(three, { entry: { ...entry, rung } }));
      const { key, reason } = await configErrorOf(broken);
      expect(key).toBe('cascades.photos.entry.rung');
      expect(reason).toContain(rung);
      expect(reason).toContain('net/0.5@32, net/1@32');
    }
  });

  it('is none when the policy does not speak of that cascade', () => {
    const policy = threshold([{ rung: 'net/0.5@24', thresholds: [null, null] }]);
    for (const name of ['clothes', 'constructor', '__proto__']) {
      expect(plansFor(named(policy), cascade(name))).toEqual([]);
    }
  });

  it('is refused with an unknown rung, and those that there are', async () => {
    const { file, key, reason } = await refused([
      { rung: 'net/0.5@24', thresholds: [0.7, 0.7] },
      { rung: 'net/2@32', thresholds: [null] },
    ]);
    expect({ file, key }).toEqual({ file: 'p.yaml', key: 'cascades.photos.route[1].rung' });
    expect(reason).toContain('net/2@32');
    expect(reason).toContain('net/0.5@24, net/0.5@32, net/1@32');
  });

  it('may leave a rung before its last exit', () => {
    const short = [{ rung: 'net/0.5@24', thresholds: [0.7] }, three[2]!];
    expect(planFor(threshold(short))?.legs.map(({ thresholds }) => thresholds.length)).toEqual([1, 3]);
  });

  it('is refused with more thresholds than there are exits', async () => {
    const { key, reason } = await refused([{ rung: 'net/0.5@24', thresholds: [0.7, 0.8, null] }]);
    expect(key).toBe('cascades.photos.route[0].thresholds');
    expect(reason).toMatch(/3 thresholds.*2 exits/);
  });

  it('is refused when its last exit might not answer', async () => {
    const { key, reason } = await refused([
      { rung: 'net/0.5@24', thresholds: [0.7, 0.7] },
      { rung: 'net/1@32', thresholds: [0.9, 0.9, 0.5] },
    ]);
    expect(key).toBe('cascades.photos.route[1].thresholds[2]');
    expect(reason).toContain('null');
  });
});

describe('a rung that speaks together with the one before it', () => {
  const refusalOf = async (route: object[], more: object = {}) => {
    const text = stringify({ kind: 'threshold', ...more, cascades: { photos: { route } } });
    const { key, reason } = await configErrorOf(() => parseYaml(PolicyFile, text, 'p.yaml'));
    return `${key}: ${reason}`;
  };
  const first = { rung: 'net/0.5@24', thresholds: [0.7] };
  const second = { rung: 'net/1@32', thresholds: [0.9, null] };

  it.each([
    ['no rung before it', [{ ...first, blend: [0.2] }, second], {}, /route\[0\]\.blend.*with another before it/],
    ['more shares than thresholds', [first, { ...second, blend: [0, 0, 0.1] }], {}, /route\[1\]\.blend.*at most 2/],
    ['a share of all', [first, { ...second, blend: [1] }], {}, /route\[1\]\.blend\[0\].*1/],
    ['a mean', [first, { ...second, blend: [0.2] }], { ensemble: 'mean' }, /blend.*without ensemble mean/],
  ])('is refused with %s', async (_, route, more, sentence) => {
    expect(await refusalOf(route, more)).toMatch(sentence);
  });
});

describe('operating points', () => {
  const route = [{ rung: 'net/0.5@24', thresholds: [0.7, null] }];
  const point = (name: string, macs: number) => ({ name, expected: { macs, agreement: 0.99 }, route });
  const policy = (rule: object) => PolicyFile.parse({ kind: 'threshold', cascades: { photos: rule } });

  it('are a plan each, dear to cheap, and share what the cascade says of all', () => {
    const rule = { budget_macs: 500, points: [point('dear', 200), point('cheap', 100)] };
    const plans = plansFor(named(policy(rule)), photos);
    expect(plans.map(({ point, expected, budgetMacs }) => [point, expected?.macs, budgetMacs])).toEqual([
      ['dear', 200, 500],
      ['cheap', 100, 500],
    ]);
  });

  it.each([
    [
      'a dear one after a cheap one',
      { points: [point('cheap', 1), point('dear', 2)] },
      /points\[1\]\.expected\.macs.*2.*at most 1/,
    ],
    ['two of one name', { points: [point('a', 2), point('a', 1)] }, /points\[1\]\.name.*"a".*of its own/],
    ['a floor that is none of them', { floor: 'b', points: [point('a', 2)] }, /floor.*"b".*allowed: a/],
    ['a route beside them', { route, points: [point('a', 2)] }, /photos.*route, or points/],
    ['neither route nor points', { budget_macs: 5 }, /photos.*route, or points/],
    ['a floor without points', { route, floor: 'a' }, /floor.*points only/],
  ])('are refused with %s', async (_, rule, sentence) => {
    const text = stringify({ kind: 'threshold', cascades: { photos: rule } });
    const { key, reason } = await configErrorOf(() => parseYaml(PolicyFile, text, 'p.yaml'));
    expect(`${key}: ${reason}`).toMatch(sentence);
  });
});

describe('a goal', () => {
  const route = [{ rung: 'net/0.5@24', thresholds: [0.7, null] }];
  const point = (name: string, macs: number) => ({ name, expected: { macs, agreement: 0.99 }, route });
  const two = { points: [point('dear', 2), point('cheap', 1)] };
  const read = (goal: object, ...rules: readonly object[]) => {
    const cascades = Object.fromEntries(rules.map((rule, at) => [`c${at}`, rule]));
    return parseYaml(PolicyFile, stringify({ kind: 'threshold', goal, cascades }), 'p.yaml');
  };

  it('is one of its two keys', async () => {
    for (const goal of [{}, { latency_p95_ms: 5, macs_per_second: 5 }]) {
      const { key, reason } = await configErrorOf(() => read(goal, two));
      expect(`${key}: ${reason}`).toMatch(/^goal: found .*; allowed: one of latency_p95_ms, macs_per_second$/);
    }
  });

  it.each([
    ['a route', { route }],
    ['one point', { points: [point('only', 1)] }],
    ['its first point as its floor', { ...two, floor: 'dear' }],
  ])('of computation is refused where every cascade has %s: it could never do anything', async (_, rule) => {
    const { key, reason } = await configErrorOf(() => read({ macs_per_second: 1e9 }, rule));
    expect({ key, reason }).toEqual({
      key: 'goal.macs_per_second',
      reason: 'found 1000000000; allowed: where a cascade has two points to choose from, down to its floor',
    });
    expect(() => read({ macs_per_second: 1e9 }, rule, two)).not.toThrow();
  });

  it('of latency needs none: it refuses who would wait too long', () => {
    expect(read({ latency_p95_ms: 50 }, { route })).toMatchObject({ goal: { latency_p95_ms: 50 } });
  });
});

describe('the language of a route', () => {
  const weights = { probability: 1, margin: 2, entropy: 3, agreement: 4 };
  const gate = { intercept: -1, weights };
  const two = (first: object, more: object = {}) =>
    PolicyFile.parse({
      kind: 'threshold',
      ...more,
      cascades: {
        photos: {
          route: [
            { rung: 'net/0.5@24', thresholds: [0.7, 0.8], ...first },
            { rung: 'net/1@32', thresholds: [null] },
          ],
        },
      },
    });

  it('carries a skip as the place that it leads to', () => {
    const plan = planFor(two({ skip: { exit: 1, below: 0.2, to: 'net/1@32' } }));
    expect(plan?.legs[0]?.skip).toEqual({ stage: 0, below: 0.2, leg: 1 });
  });

  it.each([
    ['to a rung that is not later', { exit: 1, below: 0.2, to: 'net/0.5@24' }, 'skip.to', 'net/1@32'],
    ['from an exit that is not there', { exit: 3, below: 0.2, to: 'net/1@32' }, 'skip.exit', '1 to 2'],
  ])('refuses a skip %s', async (_, skip, key, allowed) => {
    const error = await configErrorOf(() => planFor(two({ skip })));
    expect(error.key).toBe(`cascades.photos.route[0].${key}`);
    expect(error.reason).toContain(allowed);
  });

  it('carries gates, their weights in the order of what they weigh', () => {
    const plan = planFor(two({ gates: [gate, gate] }, { score: 'gate' }));
    expect(plan?.score).toBe('gate');
    expect(plan?.legs[0]?.gates).toEqual([1, 2].map(() => ({ intercept: -1, weights: [1, 2, 3, 4] })));
    expect(plan?.legs[1]?.gates).toEqual([undefined]);
  });

  it('refuses a threshold without a gate, and gates without that score', async () => {
    const missing = await configErrorOf(() => planFor(two({ gates: [gate, null] }, { score: 'gate' })));
    expect(missing.key).toBe('cascades.photos.route[0].gates[1]');
    const skip = { exit: 1, below: 0.2, to: 'net/1@32' };
    const hopeless = { thresholds: [null, 0.8], gates: [null, gate], skip };
    const skips = await configErrorOf(() => planFor(two(hopeless, { score: 'gate' })));
    expect(skips.key).toBe('cascades.photos.route[0].gates[0]');
    const spare = await configErrorOf(() => planFor(two({ gates: [gate, gate, gate] }, { score: 'gate' })));
    expect(spare).toMatchObject({
      key: 'cascades.photos.route[0].gates',
      reason: expect.stringContaining('at most 2'),
    });
    const stray = await configErrorOf(() => planFor(two({ gates: [gate, gate] })));
    expect(stray).toMatchObject({
      key: 'cascades.photos.route[0].gates',
      reason: expect.stringContaining('max_probability'),
    });
  });

  it('turns labels into classes, and refuses one that is none', async () => {
    const strict = (label: string) =>
      PolicyFile.parse({
        kind: 'threshold',
        cascades: {
          photos: { class_thresholds: { [label]: 0.95 }, route: [{ rung: 'net/1@32', thresholds: [null] }] },
        },
      });
    expect(planFor(strict('b'))?.classThresholds).toEqual({ 1: 0.95 });
    const { key, reason } = await configErrorOf(() => planFor(strict('dog')));
    expect(`${key} ${reason}`).toMatch(/class_thresholds.*"dog"/);
  });

  it('counts exits with patience, and shares with every other score', () => {
    expect(() => two({ thresholds: [2, 3] }, { score: 'patience' })).not.toThrow();
    expect(() => two({ thresholds: [1.5, 2] }, { score: 'patience' })).toThrow('whole numbers');
    expect(() => two({ thresholds: [2, 3] }, { score: 'margin' })).toThrow('0 to 1');
  });
});

describe('the policy `full`', () => {
  it('walks the last rung of any cascade to its last exit', () => {
    const policy = PolicyFile.parse({ kind: 'full' });
    const plan = {
      cascade: 'photos',
      policy: 'everything',
      version: '1',
      score: 'max_probability',
      ensemble: 'none',
      classThresholds: {},
      legs: [{ rung: 2, thresholds: [null, null, null], reach: 1 }],
      budgetMacs: Number.POSITIVE_INFINITY,
    };
    expect(plansFor(named(policy, 'everything'), photos)).toEqual([plan]);
    expect(fullPlan(photos)).toEqual({ ...plan, policy: 'full', version: 'built-in' });
  });
});

describe('a policy file', () => {
  it.each([
    ['no route', { cascades: { photos: { route: [] } } }],
    ['no cascade', { cascades: {} }],
    ['a threshold above 1', { cascades: { photos: { route: [{ rung: 'a', thresholds: [1.5] }] } } }],
    ['a budget of nothing', { cascades: { photos: { budget_macs: 0, route: [{ rung: 'a', thresholds: [null] }] } } }],
    ['a key that nobody knows', { cascades: { photos: { route: [{ rung: 'a', thresholds: [null], top: 5 }] } } }],
  ])('is refused with %s', (_, wrong) => {
    expect(PolicyFile.safeParse({ kind: 'threshold', ...wrong }).success).toBe(false);
  });
});
