import request from 'supertest';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PolicyFile } from '../../src/policy/schema.js';
import { pooled } from '../../src/policy/score.js';
import { policyOfCifar10 as policy } from '../support/cifar10.js';
import { ask } from '../support/contract.js';
import { startGateway, type TestGateway } from '../support/gateway.js';
import { jpeg } from '../support/pictures.js';

const SMALL = 'slimnet/0.5@24';
const LARGE = 'slimnet/1@32';
const never = [null, null, null, null];
const last = { rung: LARGE, thresholds: never };

/** Answers at one exit of the large rung, whatever it says. */
const only = (exit: number, name: string, more: object = {}) =>
  policy(name, { route: [{ rung: LARGE, thresholds: [...never.slice(0, exit - 1), null] }] }, more);
const point = (name: string, macs: number, exit: number) => ({
  name,
  expected: { macs, agreement: 1 },
  route: [{ rung: LARGE, thresholds: [...never.slice(0, exit - 1), null] }],
});

const policies = [
  { name: 'full', file: 'full.yaml', version: '1', policy: PolicyFile.parse({ kind: 'full' }) },
  ...[1, 2, 3].map((exit) => only(exit, `exit-${exit}`)),
  only(3, 'mean', { ensemble: 'mean' }),
  policy('small', { route: [{ rung: SMALL, thresholds: never }] }),
  policy('middle', { route: [{ rung: 'slimnet/0.5@32', thresholds: never }] }),
  policy('chain', {
    route: [
      { rung: SMALL, thresholds: never },
      { rung: 'slimnet/0.5@32', thresholds: never, blend: [0, 0, 0, 0.5] },
      { rung: LARGE, thresholds: [null, null, null], blend: [0, 0, 0.25] },
    ],
  }),
  policy('blend', {
    route: [
      { rung: SMALL, thresholds: never },
      { rung: LARGE, thresholds: [null, null, null], blend: [0, 0.5, 0.25] },
    ],
  }),
  policy('margin', { route: [{ rung: LARGE, thresholds: [0, null] }] }, { score: 'margin' }),
  policy('entropy', { route: [{ rung: LARGE, thresholds: [0, null] }] }, { score: 'entropy' }),
  policy('patience', { route: [{ rung: LARGE, thresholds: [2, 2, 2, null] }] }, { score: 'patience' }),
  policy(
    'gate',
    {
      route: [
        {
          rung: LARGE,
          thresholds: [0.5, 0.5, null],
          gates: [
            { intercept: -9, weights: { probability: 0, margin: 0, entropy: 0, agreement: 0 } },
            { intercept: 9, weights: { probability: 0, margin: 0, entropy: 0, agreement: 0 } },
            null,
          ],
        },
      ],
    },
    { score: 'gate' },
  ),
  policy('skip', {
    route: [
      { rung: SMALL, thresholds: never, skip: { exit: 1, below: 1, to: LARGE } },
      { rung: 'slimnet/0.5@32', thresholds: never },
      last,
    ],
  }),
  policy('lenient', { route: [{ rung: LARGE, thresholds: [0, null] }] }),
  policy('strict', {
    class_thresholds: Object.fromEntries(
      ['airplane', 'automobile', 'bird', 'cat', 'deer', 'dog', 'frog', 'horse', 'ship', 'truck'].map((l) => [l, 1]),
    ),
    route: [{ rung: LARGE, thresholds: [0, null] }],
  }),
  policy('points', { points: [point('dear', 200, 2), point('cheap', 100, 1)] }),
];

let served: TestGateway;
beforeAll(async () => {
  served = await startGateway({ policies, defaultPolicy: 'full', lanes: 1 });
});
afterAll(() => served.gateway.close());

const answer = async (name: string) =>
  ask(served.app, await jpeg(64, 64, 30), { policy: name, top: 10, explain: true });
/** Probabilities by class. */
const probabilities = ({ predictions }: Awaited<ReturnType<typeof answer>>) =>
  [...predictions].sort((a, b) => a.index - b.index).map(({ probability }) => probability);

describe('scores', () => {
  it('margin is how far the second class is behind', async () => {
    const { route, predictions } = await answer('margin');
    expect(route).toMatchObject({ exit: 1, reason: 'confident' });
    expect(route.score).toBeCloseTo(predictions[0]!.probability - predictions[1]!.probability, 4);
  });

  it('entropy is one minus the share of the greatest entropy that there can be', async () => {
    const said = await answer('entropy');
    const nats = probabilities(said).reduce((sum, p) => (p > 0 ? sum - p * Math.log(p) : sum), 0);
    expect(said.route.score).toBeCloseTo(1 - nats / Math.log(10), 3);
  });

  it('patience leaves at the first exit that says what the one before it said', async () => {
    const guesses = await Promise.all(
      [1, 2, 3].map(async (exit) => (await answer(`exit-${exit}`)).predictions[0]!.index),
    );
    const { route } = await answer('patience');
    const agreed = guesses.findIndex((guess, at) => at > 0 && guess === guesses[at - 1]);
    expect(route.exit).toBe(agreed < 0 ? 4 : agreed + 1);
    expect(route.steps!.slice(0, 2).map(({ score }) => score)).toEqual([1, guesses[0] === guesses[1] ? 2 : 1]);
  });

  it('a gate answers where its model says so', async () => {
    const { route } = await answer('gate');
    expect(route).toMatchObject({ exit: 2, reason: 'confident' });
    expect(route.steps!.map(({ score }) => score.toFixed(4))).toEqual(['0.0001', '0.9999']);
  });
});

describe('routes', () => {
  it('skip leads from a hopeless score straight to a dearer rung, and saves what lies between', async () => {
    const { route, cost } = await answer('skip');
    expect(route.steps!.map(({ width, resolution, exit }) => `${width}@${resolution}#${exit}`)).toEqual([
      '0.5@24#1',
      ...[1, 2, 3, 4].map((exit) => `1@32#${exit}`),
    ]);
    const { body } = await request(served.app).get('/v1/cascades/cifar10');
    const macsOf = (rung: string) =>
      body.rungs.find(({ id }: { id: string }) => id === rung).exits.map(({ macs }: { macs: number }) => macs);
    expect(cost.macs).toBe(macsOf(SMALL)[0] + macsOf(LARGE).at(-1));
  });

  it('a rung answers together with the one before it', async () => {
    const [small, alone, together] = await Promise.all(['small', 'exit-3', 'blend'].map(answer));
    const expected = pooled(Float32Array.from(probabilities(small!)), Float32Array.from(probabilities(alone!)), 0.25);
    for (const [index, p] of probabilities(together!).entries()) expect(p).toBeCloseTo(expected[index]!, 4);
    expect(probabilities(together!)).not.toEqual(probabilities(alone!));
    // Its first exit speaks alone.
    expect(together!.route.steps![4]!.score).toBeCloseTo(alone!.route.steps![0]!.score, 4);
    expect(together!.route.steps![5]!.score).not.toBeCloseTo(alone!.route.steps![1]!.score, 4);
  });

  it('and that one counts by itself, not by what it said together with others', async () => {
    const [middle, alone, chained] = await Promise.all(['middle', 'exit-3', 'chain'].map(answer));
    const expected = pooled(Float32Array.from(probabilities(middle!)), Float32Array.from(probabilities(alone!)), 0.25);
    for (const [index, p] of probabilities(chained!).entries()) expect(p).toBeCloseTo(expected[index]!, 4);
  });

  it('an ensemble answers with the mean of what all exits so far said', async () => {
    const each = await Promise.all([1, 2, 3].map(async (exit) => probabilities(await answer(`exit-${exit}`))));
    const mean = probabilities(await answer('mean'));
    for (const [index, p] of mean.entries())
      expect(p).toBeCloseTo(each.reduce((sum, row) => sum + row[index]!, 0) / 3, 4);
  });

  it('class thresholds keep a class from an early answer', async () => {
    expect((await answer('lenient')).route).toMatchObject({ exit: 1, reason: 'confident' });
    const { route } = await answer('strict');
    expect(route).toMatchObject({ exit: 2, reason: 'final' });
    expect(route.steps![0]!.threshold).toBe(1);
  });

  it('operating points: the first serves, and the answer names it and the version of its policy', async () => {
    const { route } = await answer('points');
    expect(route).toMatchObject({ exit: 2, point: 'dear', policy_version: 'version of points' });
    expect((await answer('lenient')).route.point).toBeUndefined();
  });
});
