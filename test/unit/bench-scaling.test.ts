import { describe, expect, it } from 'vitest';
import { depthsOf, lineThrough } from '../../bench/scaling/depths.js';
import { laneCases, laneRatios } from '../../bench/scaling/lanes.js';
import { commandOf, shownPictures, withResult } from '../../bench/support/result-block.js';
import type { Saturated } from '../../bench/support/saturation.js';
import type { Cascade } from '../../src/cascade/cascade.js';
import { plansFor } from '../../src/policy/plan.js';
import { PolicyFile } from '../../src/policy/schema.js';

const cascade = {
  name: 'c',
  labels: [],
  rungs: [
    { id: 'a/1@32', stages: [{}, {}, {}] },
    { id: 'a/1@64', stages: [{}, {}] },
  ],
} as unknown as Cascade;
const route = [
  { rung: 'a/1@32', thresholds: [0.9, 0.9], reach: 1 },
  { rung: 'a/1@64', thresholds: [0.8, null], reach: 0.3 },
];
const named = (name: string, policy: PolicyFile) => ({ name, file: `${name}.yaml`, version: '1', policy });
const plan = plansFor(named('mine', PolicyFile.parse({ kind: 'threshold', cascades: { c: { route } } })), cascade)[0]!;

describe('policies that stop at one depth', () => {
  const depths = depthsOf(plan, cascade);

  it('are one for each exit of the route, in its order', () => {
    expect(depths.map(({ name, rung, exit }) => [name, rung, exit])).toEqual([
      ['mine-depth-1', 'a/1@32', 1],
      ['mine-depth-2', 'a/1@32', 2],
      ['mine-depth-3', 'a/1@64', 1],
      ['mine-depth-4', 'a/1@64', 2],
    ]);
  });

  it('pass all exits before, leave at none of them, and run none after', () => {
    const legs = depths.map(({ name, policy }) => plansFor(named(name, policy), cascade)[0]!.legs);
    expect(legs.map((each) => each.map(({ thresholds }) => thresholds))).toEqual([
      [[null]],
      [[null, null]],
      [[null, null], [null]],
      [
        [null, null],
        [null, null],
      ],
    ]);
  });
});

describe('the line through points', () => {
  it('is theirs when they lie on one', () => {
    const points = [1, 2, 4].map((x) => ({ x, y: 3 + 2 * x }));
    expect(lineThrough(points)).toEqual({ intercept: 3, slope: 2, r2: 1 });
  });
});

describe('the benchmark of lanes', () => {
  it('compares lanes with as many cores as they are, and on all of them', () => {
    expect(laneCases([1, 2], ['full'], 2, true).map(({ lanes, cores }) => [lanes, cores])).toEqual([
      [1, 1],
      [1, 2],
      [2, 2],
    ]);
    expect(laneCases([1, 2], ['full'], 2, false)).toHaveLength(2);
  });

  it('takes ratios round by round', () => {
    const saturated = (imagesPerSecond: number, lanes: number) =>
      ({ imagesPerSecond, cpu: { lanes }, runs: lanes / 2 }) as Saturated;
    const run = (lanes: number, cores: number, rate: number, cpu: number) => ({
      ...{ lanes, cores, policy: 'full' },
      saturated: saturated(rate, cpu),
    });
    const rounds = [
      run(1, 1, 10, 5),
      run(1, 2, 16, 5),
      run(2, 2, 19, 5),
      run(1, 1, 5, 4),
      run(1, 2, 8, 4),
      run(2, 2, 10, 5),
    ];
    const { own_cores, all_cores, lane_cpu } = laneRatios(rounds, 'full', 2, 2);
    expect(own_cores).toEqual({ median: 1.95, min: 1.9, max: 2 });
    expect(all_cores.max).toBe(1.25);
    expect(lane_cpu.median).toBeCloseTo(1.8);
  });
});

describe('a result in a document', () => {
  const page = 'Before\n<!-- result a: written by its benchmark with --docs -->\nold\n<!-- end of a -->\nAfter\n';

  it('takes the place of the one before', () => {
    const [once, twice] = [withResult(page, 'p.md', 'a', 'new\n'), withResult(page, 'p.md', 'a', 'old')];
    expect(once).toContain('-->\n\nnew\n\n<!-- end');
    expect(withResult(twice, 'p.md', 'a', 'new')).toBe(once);
  });

  it('wants its marks', () => {
    expect(() => withResult(page, 'p.md', 'b', 'new')).toThrow('p.md must hold');
  });
});

describe('what stands above a result', () => {
  it('is the command, without paths and without what becomes of its result', () => {
    const args = ['--data=/home/me/pictures', '--rounds', '3', '--docs', '--svg', 'docs/images', '--from', 'x.json'];
    expect(commandOf('scaling', args)).toBe('npm run bench -- scaling --data FOLDER --rounds 3 --from RESULT');
  });

  it('shows the pictures that were drawn, as the page sees them', () => {
    expect(shownPictures('docs/images', { 'a.svg': 'An a' })).toBe('\n\n![An a](images/a.svg)');
    expect(shownPictures(undefined, { 'a.svg': 'An a' })).toBe('');
    expect(shownPictures('/elsewhere', { 'a.svg': 'An a' })).toBe('');
  });
});
