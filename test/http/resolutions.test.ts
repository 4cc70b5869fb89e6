/** Routes that climb to a larger resolution, and entry by content, through real lanes. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadPolicies } from '../../src/policy/loader.js';
import { CIFAR10, FULL, never, placeOf, policyOfCifar10 as policy } from '../support/cifar10.js';
import { ask } from '../support/contract.js';
import { POLICIES, startGateway, type TestGateway } from '../support/gateway.js';
import { FORMATS, jpeg } from '../support/pictures.js';

/** The full network, and the dearest of what it is at a smaller resolution. */
const LARGE = FULL.id;
const smaller = CIFAR10.rungs.findLast(
  ({ backbone, resolution }) => backbone === FULL.backbone && resolution < FULL.resolution,
)!;
const SMALL = smaller.id;

const climb = (reach: number) => [
  { rung: SMALL, thresholds: never(smaller) },
  { rung: LARGE, thresholds: never(FULL), reach },
];
/** Probability 1/2 at as many bits per pixel as this. */
const entry = (bits: number) => ({
  rung: LARGE,
  above: 0.5,
  intercept: -20 * bits,
  weights: { log_pixels: 0, bits_per_pixel: 20, gradient: 0, colour: 0 },
});

let served: TestGateway;
beforeAll(async () => {
  const { policies } = await loadPolicies(POLICIES);
  const more = [
    policy('seldom', { route: climb(0) }),
    policy('always', { route: climb(1) }),
    policy('by-content', { entry: entry(2), route: climb(0.5) }),
  ];
  served = await startGateway({ lanes: 1, policies: [...policies, ...more] });
});
afterAll(() => served.gateway.close());

const passed = async (image: Uint8Array, name: string) => {
  const { route, cost } = await ask(served.app, image, { policy: name, explain: true });
  return { rungs: [...new Set(route.steps!.map(placeOf))], cost };
};

describe('a route that climbs to a larger resolution', () => {
  it('runs every exit of both, whether the picture is decoded twice or once', async () => {
    for (const name of ['seldom', 'always']) {
      const { rungs, cost } = await passed(await jpeg(500, 375), name);
      expect(rungs).toEqual([SMALL, LARGE]);
      expect(cost.macs).toBeGreaterThan(cost.full_macs);
      expect(cost.decode_ms).toBeGreaterThan(0);
    }
  });

  it('ends at the very answer of the full network', async () => {
    const image = await jpeg(500, 375);
    const full = await ask(served.app, image, { policy: 'full' });
    for (const name of ['seldom', 'always'])
      expect((await ask(served.app, image, { policy: name })).predictions).toEqual(full.predictions);
  });

  it.each(Object.entries(FORMATS))('takes %s', async (_, encoded) => {
    expect((await passed(await encoded(200, 150), 'always')).rungs).toEqual([SMALL, LARGE]);
  });
});

describe('entry by content', () => {
  it('sends a picture on which many bits were spent past the first rung, and a plain one into it', async () => {
    const plain = await jpeg(500, 375);
    // The same scene without compression.
    const detailed = await FORMATS.tiff(40, 30);
    expect((8 * plain.length) / (500 * 375)).toBeLessThan(2);
    expect((8 * detailed.length) / (40 * 30)).toBeGreaterThan(2);
    expect((await passed(plain, 'by-content')).rungs).toEqual([SMALL, LARGE]);
    const { rungs, cost } = await passed(detailed, 'by-content');
    expect(rungs).toEqual([LARGE]);
    expect(cost.ratio).toBe(1);
  });
});
