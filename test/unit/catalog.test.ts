import { describe, expect, it } from 'vitest';
import type { Cascade } from '../../src/cascade/cascade.js';
import { Catalog, lostDefault, lostDefaults, numbered } from '../../src/gateway/catalog.js';
import { somePlan } from '../support/plan.js';

const cascade = (name: string, isDefault = false): Cascade => ({
  name,
  file: `${name}/cascade.yaml`,
  description: '',
  isDefault,
  labels: [],
  input: { layout: 'nhwc-uint8', tensor: 'image', scale: 1, kernel: 'cubic' },
  rungs: [],
});
const plan = (name: string, policy: string, version = '1', point?: string) =>
  somePlan([], { cascade: name, policy, version, ...(point === undefined ? {} : { point }) });
const from = (id: number) => () => id++;
/** `birds/fast` is the policy `fast` on the cascade `birds`. */
const catalog = (names: readonly string[], pairs: readonly string[], wanted?: string) => {
  const plans = pairs.map((pair) => plan(...(pair.split('/') as [string, string])));
  const services = plans.map((each) => ({ cascade: each.cascade, policy: each.policy, points: [each], floor: 0 }));
  const defaults = { cascade: wanted, policy: 'balanced' };
  return new Catalog(
    names.map((name) => cascade(name)),
    [],
    services,
    numbered(plans, [], from(1)),
    defaults,
  );
};

describe('numbers of plans', () => {
  it('are kept by plans of the same text, and given once only to others', () => {
    const next = from(1);
    const first = numbered([plan('a', 'p'), plan('a', 'q')], [], next);
    const second = numbered([plan('a', 'p', '2'), plan('a', 'q')], first, next);
    const third = numbered([plan('a', 'p'), plan('b', 'q')], second, next);
    expect([first, second, third].map((each) => each.map(({ id }) => id))).toEqual([
      [1, 2],
      [3, 2],
      [4, 5],
    ]);
  });

  it('differ between the operating points of a policy', () => {
    const plans = numbered([plan('a', 'p', '1', 'dear'), plan('a', 'p', '1', 'cheap')], [], from(1));
    expect(plans.map(({ id, plan: { point } }) => [id, point])).toEqual([
      [1, 'dear'],
      [2, 'cheap'],
    ]);
  });
});

describe('a catalog', () => {
  it('answers requests that name nothing with the defaults', () => {
    const chosen = catalog(['birds', 'cars'], ['birds/balanced', 'cars/balanced'], 'cars').service();
    expect([chosen.cascade, chosen.policy]).toEqual(['cars', 'balanced']);
  });

  it.each([
    ['no cascade that is wanted: the one that says so', [cascade('a'), cascade('b', true)], 'b'],
    ['none that says so: the first', [cascade('a'), cascade('b')], 'a'],
    ['no cascade at all: no name', [], ''],
  ])('has as its default, with %s', (_, cascades, expected) => {
    expect(new Catalog(cascades, [], [], [], { cascade: 'c', policy: 'p' }).defaultCascade).toBe(expected);
  });

  it('says what there is to those who name something else', () => {
    const served = catalog(['birds', 'cars'], ['birds/balanced', 'birds/fast', 'cars/full']);
    expect(() => served.service('dogs')).toThrow('no cascade "dogs"; there are: birds, cars');
    expect(() => served.service('birds', 'full')).toThrow('no policy "full" for birds; there are: balanced, fast');
  });
});

describe('the plans of a catalog', () => {
  const points = ['dear', 'cheap'].map((point) => plan('a', 'p', '1', point));
  const full = plan('a', 'full');
  const service = { cascade: 'a', policy: 'p', points, floor: 1 };
  const plans = numbered([...points, full], [], from(1));
  const served = new Catalog([cascade('a')], [], [service], plans, { policy: 'p' });

  it('are found by the place of their point, and the static choice by its cascade', () => {
    expect([0, 1].map((at) => served.plan(service, at).plan.point)).toEqual(['dear', 'cheap']);
    expect(served.full('a')?.plan).toBe(full);
    expect(served.full('b')).toBeUndefined();
  });
});

describe('the default that a start has lost', () => {
  const [a, b, said] = [cascade('a'), cascade('b'), cascade('c', true)];
  it.each([
    ['the one that is wanted', [a, said], [a, b, said], 'b', 'b'],
    ['the one that says so', [a, b], [a, b, said], undefined, 'c'],
    ['the first, where none says so', [b], [a, b], undefined, 'a'],
    ['none, where another one is wanted', [b], [a, b, said], 'b', undefined],
    ['none, where one that is left says so', [said], [a, b, said], undefined, undefined],
    ['none, where there is no cascade', [], [], undefined, undefined],
  ])('is %s', (_, served, all, wanted, expected) => {
    expect(lostDefault(served, all, wanted)).toBe(expected);
  });
});

describe('a reload may not take away', () => {
  const reasons = (before: Catalog, after: Catalog) => lostDefaults(before, after).map(({ reason }) => reason);

  it('the default policy', () => {
    expect(reasons(catalog(['a'], ['a/balanced']), catalog(['a'], ['a/fast', 'a/full']))).toEqual([
      'no policy "balanced" for a, which requests that name nothing get (--cascade, --policy); found: fast, full',
    ]);
  });

  it('the default cascade that was asked for', () => {
    expect(reasons(catalog(['a', 'b'], [], 'b'), catalog(['a', 'c'], [], 'b'))).toEqual([
      'no cascade "b", the default of this gateway (--cascade); found: a, c',
    ]);
  });

  it('the policy of a default cascade by putting another in front of it', () => {
    expect(reasons(catalog(['b'], ['b/balanced']), catalog(['a', 'b'], ['b/balanced', 'a/full']))).toEqual([
      expect.stringMatching(/^no policy "balanced" for a,.*found: full$/),
    ]);
  });

  it('nothing that was not there: it may take all else', () => {
    expect(reasons(catalog(['a'], ['a/fast']), catalog(['a'], []))).toEqual([]);
    expect(reasons(catalog(['a', 'b'], ['a/balanced', 'b/fast']), catalog(['a'], ['a/balanced']))).toEqual([]);
  });
});
