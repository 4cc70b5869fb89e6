import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import request from 'supertest';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadRepository } from '../../src/cascade/loader.js';
import { loadPolicies } from '../../src/policy/loader.js';
import { FULL } from '../support/cifar10.js';
import { type Answer, answerOf, ask, post } from '../support/contract.js';
import { MODELS, POLICIES, ROOT, startGateway, type TestGateway } from '../support/gateway.js';
import { cmykJpeg, drawn, FORMATS, jpeg, oriented, png16, scene } from '../support/pictures.js';
import { slowCascade, slowPolicy } from '../support/slow-cascade.js';

/** As high as the full network wants it: nothing is resized, so that equal pixels get equal answers. */
const SIDE = FULL.resolution;
const WIDE = SIDE + 28;

let folder: string;
let served: TestGateway;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-classify-'));
  const cifar10 = (await loadRepository(MODELS)).cascades.filter(({ name }) => name === 'cifar10');
  const { policies } = await loadPolicies(POLICIES);
  served = await startGateway({
    cascades: [...cifar10, await slowCascade(folder)],
    policies: [...policies, slowPolicy('patient'), slowPolicy('frugal', 1e6)],
  });
});
afterAll(async () => {
  await served.gateway.close();
  await rm(folder, { recursive: true });
});

const labels = () => served.gateway.cascades.find(({ name }) => name === 'cifar10')!.labels.map(({ name }) => name);

describe('an answer', () => {
  it('is the same with a slash behind the address', async () => {
    const image = await jpeg();
    const [usual, other] = await Promise.all(
      ['/v1/classify', '/v1/classify/'].map(async (path) => {
        const response = await request(served.app).post(`${path}?top=2`).type('image/jpeg').send(image);
        const { predictions } = answerOf(response);
        const {
          'x-request-id': id,
          'content-type': type,
          'cache-control': cache,
          server,
          'x-powered-by': by,
        } = response.headers;
        expect(id).toMatch(/^[0-9a-f-]{36}$/);
        return { predictions, type, cache, server, by };
      }),
    );
    expect(usual!.predictions.length).toBe(2);
    expect(other).toEqual(usual);
  });

  it('has every key of the contract and no other', async () => {
    const response = await post(served.app, await jpeg());
    const { id, cascade, policy, predictions, route } = answerOf(response);
    expect({ cascade, policy }).toEqual({ cascade: 'cifar10', policy: 'balanced' });
    expect(response.headers['x-request-id']).toBe(id);
    expect(predictions.length).toBe(5);
    expect(route.steps).toBeUndefined();
    const rungs = served.gateway.cascades.find(({ name }) => name === 'cifar10')!.rungs;
    const rung = rungs.find(({ id }) => id === `${route.backbone}/${route.width}@${route.resolution}`);
    expect(route.exit).toBeLessThanOrEqual(rung!.stages.length);
  });

  it('lists the most probable classes first, as many as `top` says', async () => {
    const image = await jpeg();
    const all = await ask(served.app, image, { top: 1000 });
    const probabilities = all.predictions.map(({ probability }) => probability);
    expect(probabilities).toEqual([...probabilities].sort((a, b) => b - a));
    expect(probabilities.reduce((sum, p) => sum + p, 0)).toBeCloseTo(1, 4);
    expect(all.predictions.map(({ label }) => label).sort()).toEqual([...labels()].sort());
    for (const { index, label } of all.predictions) expect(label).toBe(labels()[index]);
    expect((await ask(served.app, image, { top: 3 })).predictions).toEqual(all.predictions.slice(0, 3));
  });

  it('has the calibrated score of its exit: the largest probability', async () => {
    const { route, predictions } = await ask(served.app, await jpeg(64, 48));
    expect(route.score).toBe(predictions[0]!.probability);
  });

  it('lists every passed exit with explain=true, the one that answered marked', async () => {
    for (const policy of ['balanced', 'full']) {
      const { route } = await ask(served.app, await jpeg(40, 40, 200), { policy, explain: true });
      const { reason, steps, policy_version: _, ...exited } = route;
      expect(['confident', 'final']).toContain(reason);
      expect(steps!.map((step) => step.exited)).toEqual(steps!.map((_, index) => index === steps!.length - 1));
      expect(steps!.at(-1)).toMatchObject(exited);
      const passedTooSoon = steps!.slice(0, -1).filter(({ score, threshold }) => score >= (threshold ?? 2));
      expect(passedTooSoon).toEqual([]);
    }
  });

  it('costs what its exits cost, as a ratio of the full network', async () => {
    const { body } = await request(served.app).get('/v1/cascades/cifar10');
    const exitMacs = new Map<string, number>();
    for (const { backbone, width, resolution, exits } of body.rungs) {
      for (const { exit, macs } of exits) exitMacs.set(`${backbone}/${width}@${resolution} ${exit}`, macs);
    }
    for (let hue = 0; hue < 360; hue += 45) {
      const { cost, route } = await ask(served.app, await jpeg(32, 32, hue), { explain: true });
      expect(cost.full_macs).toBe(body.full_macs);
      expect(cost.ratio).toBeCloseTo(cost.macs / cost.full_macs, 4);
      const deepest = new Map(route.steps!.map((s) => [`${s.backbone}/${s.width}@${s.resolution}`, s.exit]));
      const macs = [...deepest].map(([rung, exit]) => exitMacs.get(`${rung} ${exit}`)!);
      expect(cost.macs).toBe(macs.reduce((sum, each) => sum + each, 0));
    }
  });

  it('of the policy `full` costs exactly the full network and comes from its last exit', async () => {
    const { cost, route, policy } = await ask(served.app, await jpeg(), { policy: 'full', cascade: 'cifar10' });
    expect({ policy, reason: route.reason, macs: cost.macs, ratio: cost.ratio }).toEqual({
      policy: 'full',
      reason: 'final',
      macs: cost.full_macs,
      ratio: 1,
    });
  });

  it.each(['cat.jpg', 'coffee.jpg'])('comes for the photograph %s', async (file) => {
    const { predictions } = await ask(served.app, await readFile(`${ROOT}test/pictures/${file}`));
    expect(labels()).toContain(predictions[0]!.label);
  });

  it('is the same for one picture asked 50 times at once', async () => {
    const image = await jpeg(48, 48, 100);
    const answers = await Promise.all(Array.from({ length: 50 }, () => ask(served.app, image, { top: 10 })));
    const byLabel = ({ predictions }: Answer) => new Map(predictions.map((p) => [p.label, p.probability]));
    const first = byLabel(answers[0]!);
    for (const answer of answers) {
      expect(answer.route.exit).toBe(answers[0]!.route.exit);
      expect(answer.predictions[0]!.label).toBe(answers[0]!.predictions[0]!.label);
      // Batches of other sizes add up in another order: the last digits may differ.
      for (const [label, probability] of byLabel(answer)) expect(probability).toBeCloseTo(first.get(label)!, 4);
    }
    expect(new Set(answers.map(({ id }) => id)).size).toBe(50);
  });
});

describe('a picture', () => {
  it.each([
    'image/jpeg',
    'image/png',
    'application/octet-stream',
    'application/x-www-form-urlencoded',
    'application/json',
    'text/plain; charset=utf-8',
  ])('is the body, whatever Content-Type says: %s', async (type) => {
    const image = await jpeg();
    const { predictions } = await ask(served.app, image, {}, type);
    expect(predictions).toEqual((await ask(served.app, image)).predictions);
  });

  it('is the file field `image` of a form, whatever it is called and what stands around it', async () => {
    const image = await jpeg();
    const response = await request(served.app)
      .post('/v1/classify')
      .field('comment', 'a scene')
      .attach('image', image, { filename: 'scene.pdf', contentType: 'application/pdf' })
      .field('more', 'text');
    expect(answerOf(response).predictions).toEqual((await ask(served.app, image)).predictions);
  });

  it.each(Object.entries(FORMATS))('may be a %s', async (_, draw) => {
    const { predictions } = await ask(served.app, await draw(60, 44));
    expect(labels()).toContain(predictions[0]!.label);
  });

  it('gives the same answer in each format that loses nothing', async () => {
    const { predictions } = await ask(served.app, await drawn(WIDE, SIDE).png().toBuffer(), { policy: 'full' });
    for (const image of [
      await FORMATS.tiff(WIDE, SIDE),
      await drawn(WIDE, SIDE).webp({ lossless: true }).toBuffer(),
      await drawn(WIDE, SIDE).ensureAlpha().png().toBuffer(),
      await png16(scene(WIDE, SIDE), WIDE, SIDE, 3),
    ]) {
      expect((await ask(served.app, image, { policy: 'full' })).predictions).toEqual(predictions);
    }
  });

  it('may be grey: the answer is that of the same grey in RGB', async () => {
    const grey = drawn(60, 44).greyscale();
    const inRgb = await grey.clone().toColourspace('srgb').png().toBuffer();
    const { predictions } = await ask(served.app, await grey.clone().toColourspace('b-w').png().toBuffer());
    expect(predictions).toEqual((await ask(served.app, inRgb)).predictions);
  });

  it('may be CMYK', async () => {
    await ask(served.app, await cmykJpeg(60, 44));
  });

  it.each([2, 3, 4, 5, 6, 7, 8])('is turned upright first: EXIF orientation %i', async (orientation) => {
    const upright = await ask(served.app, await oriented(1, WIDE, SIDE), { policy: 'full' });
    const turned = await ask(served.app, await oriented(orientation, WIDE, SIDE), { policy: 'full' });
    expect(turned.predictions).toEqual(upright.predictions);
  });
});

describe('an early stop', () => {
  const slow = { cascade: 'slow', policy: 'patient' };

  it('answers with an exit that was passed when the next one would come after the deadline', async () => {
    const deadline_ms = Math.floor(served.gateway.facts('slow')[1]![0]!.ms) - 1;
    const { route, cost } = await ask(served.app, await jpeg(), { ...slow, deadline_ms, explain: true });
    expect({ backbone: route.backbone, reason: route.reason }).toEqual({ backbone: 'quick', reason: 'deadline' });
    expect(cost.macs).toBeLessThan(cost.full_macs / 1000);
    expect(route.steps!.map(({ backbone, exited }) => ({ backbone, exited }))).toEqual([
      { backbone: 'quick', exited: true },
    ]);
  });

  it('answers with an exit that was passed when the next one would exceed the budget', async () => {
    const { route, cost } = await ask(served.app, await jpeg(), { cascade: 'slow', policy: 'frugal' });
    expect({ backbone: route.backbone, reason: route.reason }).toEqual({ backbone: 'quick', reason: 'budget' });
    expect(cost.macs).toBeLessThanOrEqual(1e6);
  });

  it('does not happen when there is time', async () => {
    const { route } = await ask(served.app, await jpeg(), { ...slow, deadline_ms: 60_000 });
    expect({ backbone: route.backbone, reason: route.reason }).toEqual({ backbone: 'slow', reason: 'final' });
  });

  it('is an answer by the deadline, a 504, or a 503 where it would be in vain, when the deadline is very short', async () => {
    const image = await drawn(1200, 1200).png().toBuffer();
    const asked = Array.from({ length: 30 }, (_, i) =>
      post(served.app, image, { policy: 'full', deadline_ms: 1 + (i % 3) }),
    );
    for (const { status, body } of await Promise.all(asked)) {
      const outcomes = ['200 deadline', '504 deadline_exceeded', '503 overloaded'];
      expect(outcomes).toContain(`${status} ${body.route?.reason ?? body.code}`);
    }
  });
});
