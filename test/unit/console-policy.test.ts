import { readFile } from 'node:fs/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Cascade } from '../../src/cascade/cascade.js';
import { loadRepository } from '../../src/cascade/loader.js';
import { parseYaml } from '../../src/config-file.js';
import type { Cascade as ShownCascade } from '../../src/console/api-types.js';
import { frontierOf } from '../../src/console/frontier.js';
import { withPoint, yamlOf } from '../../src/console/policy-yaml.js';
import { refusalOf } from '../../src/console/refusal.js';
import { servingOf, withServing } from '../../src/console/serving.js';
import { amount, duration, percent } from '../../src/console/units.js';
import { plansFor } from '../../src/policy/plan.js';
import { PolicyFile, type ThresholdPolicy } from '../../src/policy/schema.js';
import { MODELS, POLICIES } from '../support/gateway.js';
import { snapshot } from '../support/snapshot.js';

const text = `kind: threshold
description: Three points.
score: margin
goal: { latency_p95_ms: 50 }
audit: { share: 0.1 }
cascades:
  cifar10:
    budget_macs: 90000000
    class_thresholds: { cat: 0.99 }
    floor: middle
    guarantee: { risk: 0.01, confidence: 0.95, pictures: 5000 }
    points:
      - name: dear
        expected: { macs: 30000000, top1: 0.89, agreement: 0.99 }
        route: [{ rung: slimnet/1@32, thresholds: [0.9, 0.9, 0.9, null] }]
      - name: middle
        expected: { macs: 20000000, top1: 0.88, agreement: 0.96 }
        entry: { rung: slimnet/1@32, above: 0.8, intercept: 1, weights: { log_pixels: 1, bits_per_pixel: 1, gradient: 1, colour: 1 } }
        route:
          - { rung: slimnet/0.5@24, thresholds: [0.9, 0.8] }
          - { rung: slimnet/1@32, thresholds: [0.8, null] }
      - name: cheap
        expected: { macs: 10000000, top1: 0.86, agreement: 0.93 }
        route: [{ rung: slimnet/0.5@24, thresholds: [0.5, null] }]
`;
const policy = parseYaml(PolicyFile, text, 'tuned.yaml') as ThresholdPolicy;
const read = (yaml: string) => parseYaml(PolicyFile, yaml, 'copied.yaml') as ThresholdPolicy;

let cifar10: Cascade;
beforeAll(async () => {
  cifar10 = (await loadRepository(MODELS)).cascades.find(({ name }) => name === 'cifar10')!;
});

describe('the YAML of a point', () => {
  it.each([0, 1, 2])('walks as point %i of the policy does', (at) => {
    const point = policy.cascades.cifar10!.points![at]!;
    const named = (content: PolicyFile) => ({ name: 'copied', file: 'copied.yaml', version: 'x', policy: content });
    const before = plansFor(named(policy), cifar10)[at]!;
    const [after, ...none] = plansFor(named(read(yamlOf(withPoint(policy, 'cifar10', point.name)))), cifar10);
    const { point: _, expected: _too, ...walk } = before;
    expect(after).toEqual(walk);
    expect(none).toEqual([]);
  });

  it('keeps what holds for every point, and leaves out what chooses between them', () => {
    const { cascades, ...head } = read(yamlOf(withPoint(policy, 'cifar10', 'middle')));
    expect(head).toEqual({
      kind: 'threshold',
      description: 'Three points.',
      score: 'margin',
      ensemble: 'none',
      audit: { share: 0.1 },
    });
    expect(Object.keys(cascades.cifar10!).sort()).toEqual(['budget_macs', 'class_thresholds', 'entry', 'route']);
  });

  it('keeps the guarantee of the first point alone, and a goal that another cascade needs', () => {
    expect(withPoint(policy, 'cifar10', 'dear').cascades.cifar10!.guarantee).toBeDefined();
    expect(withPoint(policy, 'cifar10', 'cheap').cascades.cifar10!.guarantee).toBeUndefined();
    const both = { ...policy, cascades: { ...policy.cascades, other: policy.cascades.cifar10! } };
    const chosen = withPoint(both, 'cifar10', 'cheap');
    expect(chosen.goal).toEqual(policy.goal);
    expect(chosen.cascades.other).toEqual(policy.cascades.cifar10);
    const { points } = policy.cascades.cifar10!;
    const single = { ...both, cascades: { ...both.cascades, other: { points: points!.slice(0, 1) } } };
    expect(withPoint(single, 'cifar10', 'cheap').goal).toBeUndefined();
  });

  it('is the policy itself where it has no such point', () => {
    expect(withPoint(policy, 'cifar10', 'none')).toBe(policy);
    expect(withPoint(policy, 'plants', 'cheap')).toBe(policy);
  });

  it('looks like a file: the schema for editors, one line a rung', () => {
    const yaml = yamlOf(withPoint(policy, 'cifar10', 'middle'));
    expect(yaml.split('\n').slice(0, 3)).toEqual([
      '# yaml-language-server: $schema=./policy.schema.json',
      'kind: threshold',
      'description: Three points.',
    ]);
    expect(yaml).toMatch(/^ +- \{ rung: slimnet\/0\.5@24, thresholds: \[ 0\.9, 0\.8 \] \}$/m);
  });

  it.each(['balanced', 'adaptive', 'full'])('of the whole of %s says what its file says', async (name) => {
    const file = parseYaml(PolicyFile, await readFile(`${POLICIES}/${name}.yaml`, 'utf8'), `${name}.yaml`);
    expect(read(yamlOf(file))).toEqual(file);
  });
});

describe('a frontier', () => {
  const shown = { name: 'cifar10', full_macs: 50_000_000 } as ShownCascade;
  const named = (content: PolicyFile) => ({
    name: 'tuned',
    default: false,
    version: 'x',
    serving: { cifar10: 'middle' },
    content,
  });

  it('goes cheap to dear, with the share of the full cost, and the point that serves marked', () => {
    const { points, quality } = frontierOf(named(policy), shown)!;
    expect(points.map(({ name, ratio, isServing }) => [name, ratio, isServing])).toEqual([
      ['cheap', 0.2, false],
      ['middle', 0.4, true],
      ['dear', 0.6, false],
    ]);
    expect(quality).toBe('top1');
    // The policy itself is as it was.
    expect(policy.cascades.cifar10!.points!.map(({ name }) => name)).toEqual(['dear', 'middle', 'cheap']);
  });

  it('is drawn by agreement where a point knows no labels', () => {
    const { top1: _, ...expected } = policy.cascades.cifar10!.points![0]!.expected;
    const unlabelled = policy.cascades.cifar10!.points!.map((point, at) => (at === 0 ? { ...point, expected } : point));
    const content = { ...policy, cascades: { cifar10: { points: unlabelled } } };
    expect(frontierOf(named(content), shown)!.quality).toBe('agreement');
  });

  it('is nothing of one route, of another cascade, of the static choice', () => {
    expect(frontierOf(named(withPoint(policy, 'cifar10', 'cheap')), shown)).toBeUndefined();
    expect(frontierOf(named(policy), { ...shown, name: 'plants' })).toBeUndefined();
    expect(frontierOf(named({ kind: 'full', description: '' }), shown)).toBeUndefined();
  });
});

describe('what of a policy serves', () => {
  const named = (content: PolicyFile, serving: Record<string, string> = {}) => ({
    name: 'tuned',
    default: false,
    version: 'x',
    serving,
    content,
  });
  const servedBy = (content: PolicyFile, point: string) => servingOf(named(content, { cifar10: point }), 'cifar10');

  it('is a point, or the full network where audits left none', () => {
    expect(servedBy(policy, 'middle')).toEqual({ point: 'middle' });
    expect(servedBy(policy, 'full')).toEqual({});
    expect(servedBy(withPoint(policy, 'cifar10', 'cheap'), 'full')).toEqual({});
  });

  it('is a point also where that is named as the full network is', () => {
    const points = [{ ...policy.cascades.cifar10!.points![0]!, name: 'full' }];
    const content = { ...policy, cascades: { cifar10: { points } } };
    expect(servedBy(content, 'full')).toEqual({ point: 'full' });
  });

  it('is not told of one route that serves, of the static choice, of another cascade', () => {
    expect(servedBy(withPoint(policy, 'cifar10', 'cheap'), 'route')).toBeUndefined();
    expect(servedBy({ kind: 'full', description: '' }, 'full')).toBeUndefined();
    expect(servingOf(named(policy, { cifar10: 'middle' }), 'plants')).toBeUndefined();
  });

  it('is as the figures say it, once there are some', () => {
    const policies = [named(policy, { cifar10: 'dear' }), { ...named(policy), name: 'other' }];
    expect(withServing(policies, undefined)).toBe(policies);
    const serving = [{ cascade: 'cifar10', policy: 'tuned', point: 'cheap' }];
    expect(withServing(policies, snapshot(0, [], { serving })).map((each) => each.serving)).toEqual([
      { cifar10: 'cheap' },
      {},
    ]);
  });
});

describe('numbers for people', () => {
  it.each([
    [amount(42_505_168), '42.5 M'],
    [amount(999_960), '1.00 M'],
    [amount(12), '12'],
    [amount(0.5), '0.50'],
    [amount(2.22e9), '2.22 G'],
    [percent(0.7409), '74.1 %'],
    [percent(0.99999), '>99.9 %'],
    [percent(1), '100.0 %'],
    [duration(8.057), '8.06 ms'],
    [duration(1240), '1.24 s'],
  ])('%s is written as %s', (written, expected) => expect(written).toBe(expected));
});

describe('a refusal', () => {
  it('is the sentence of its problem', () => {
    const body = JSON.stringify({ title: 'Too much to do', detail: 'the queue is full', code: 'overloaded' });
    expect(refusalOf(503, body)).toMatchObject({
      status: 503,
      code: 'overloaded',
      sentence: 'Too much to do: the queue is full.',
    });
  });

  it.each(['<h1>Bad gateway</h1>', 'null', '{}', '"x"'])('names the status where %s came instead', (body) => {
    expect(refusalOf(502, body).sentence).toContain('502');
  });
});
