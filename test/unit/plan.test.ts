import { describe, expect, it } from 'vitest';
import type { Cascade } from '../../src/cascade/cascade.js';
import { fullPlan, planFor } from '../../src/policy/plan.js';
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
const refused = (route: object[]) => configErrorOf(() => planFor(threshold(route), 'p', 'p.yaml', photos));

describe('a policy resolved against a cascade', () => {
  it('walks its rungs in its own order, with their places in the cascade', () => {
    const policy = threshold([
      { rung: 'net/1@32', thresholds: [0.9, null, 0.8] },
      { rung: 'net/0.5@24', thresholds: [0.7, null] },
    ]);
    expect(planFor(policy, 'p', 'p.yaml', photos)).toEqual({
      cascade: 'photos',
      policy: 'p',
      legs: [
        { rung: 2, thresholds: [0.9, null, 0.8], reach: 1 },
        { rung: 0, thresholds: [0.7, null], reach: 0.5 },
      ],
      budgetMacs: Number.POSITIVE_INFINITY,
    });
  });

  it('carries the budget', () => {
    const policy = threshold([{ rung: 'net/0.5@24', thresholds: [0.7, null] }], { budget_macs: 1e6 });
    expect(planFor(policy, 'p', 'p.yaml', photos)?.budgetMacs).toBe(1e6);
  });

  const three = [
    { rung: 'net/0.5@24', thresholds: [0.7, null] },
    { rung: 'net/0.5@32', thresholds: [0.7, null] },
    { rung: 'net/1@32', thresholds: [0.9, null, null] },
  ];

  it('expects half of the pictures to climb, or the share that the policy states', () => {
    const stated = [three[0]!, { ...three[1]!, reach: 0.3 }, three[2]!];
    expect(planFor(threshold(stated), 'p', 'p.yaml', photos)?.legs.map(({ reach }) => reach)).toEqual([1, 0.3, 0.15]);
  });

  const entry = {
    rung: 'net/1@32',
    above: 0.6,
    intercept: -1,
    weights: { colour: 4, gradient: 3, bits_per_pixel: 2, log_pixels: 1 },
  };

  it('carries the rule of entry, its weights in the order of the features', () => {
    const plan = planFor(threshold(three, { entry }), 'p', 'p.yaml', photos);
    expect(plan?.entry).toEqual({ leg: 2, above: 0.6, intercept: -1, weights: [1, 2, 3, 4] });
  });

  it('is refused when the rule of entry names the first rung or none of the route', async () => {
    for (const rung of ['net/0.5@24', 'net/2@32']) {
      const broken = () => planFor(threshold(three, { entry: { ...entry, rung } }), 'p', 'p.yaml', photos);
      const { key, reason } = await configErrorOf(broken);
      expect(key).toBe('cascades.photos.entry.rung');
      expect(reason).toContain(rung);
      expect(reason).toContain('net/0.5@32, net/1@32');
    }
  });

  it('is none when the policy does not speak of that cascade', () => {
    const policy = threshold([{ rung: 'net/0.5@24', thresholds: [null, null] }]);
    for (const name of ['clothes', 'constructor', '__proto__']) {
      expect(planFor(policy, 'p', 'p.yaml', cascade(name))).toBeUndefined();
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
    expect(planFor(threshold(short), 'p', 'p.yaml', photos)?.legs.map(({ thresholds }) => thresholds.length)).toEqual([
      1, 3,
    ]);
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

describe('the policy `full`', () => {
  it('walks the last rung of any cascade to its last exit', () => {
    const policy = PolicyFile.parse({ kind: 'full' });
    const plan = {
      cascade: 'photos',
      policy: 'everything',
      legs: [{ rung: 2, thresholds: [null, null, null], reach: 1 }],
      budgetMacs: Number.POSITIVE_INFINITY,
    };
    expect(planFor(policy, 'everything', 'p.yaml', photos)).toEqual(plan);
    expect(fullPlan(photos)).toEqual({ ...plan, policy: 'full' });
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
