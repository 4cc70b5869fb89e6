import type { RequestListener } from 'node:http';
import request from 'supertest';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createApp } from '../../src/http/app.js';
import { Auth } from '../../src/http/auth.js';
import { sha256 } from '../../src/http/key-ring.js';
import type { ApiKey } from '../../src/http/keys-file.js';
import { answerOf, expectProblem, post, type Query } from '../support/contract.js';
import { startGateway, type TestGateway } from '../support/gateway.js';
import { bytesInput, infer, inferErrorOf, inferredOf } from '../support/open-inference.js';
import { jpeg } from '../support/pictures.js';

let served: TestGateway;
let image: Buffer;
beforeAll(async () => {
  served = await startGateway({ lanes: 1 });
  image = await jpeg();
});
afterAll(() => served.gateway.close());

const SECRET = (name: string) => `sluice_${name}-0123456789abcdef`;
const key = (name: string, more: Partial<ApiKey> = {}): ApiKey => {
  return { name, sha256: sha256(SECRET(name)).toString('hex'), priority: 'interactive', ...more };
};
const guarded = (...keys: ApiKey[]) => {
  const auth = new Auth({ keyHashes: [], ratePerSecond: 0, keys });
  return { auth, app: createApp({ ...served.deps, auth }) };
};
const ask = (app: RequestListener, name: string, query: Query = {}) =>
  post(app, image, query).set('X-API-Key', SECRET(name));

describe('a key with policies of its own', () => {
  it('may use those, and is told which where it asks for another', async () => {
    const { app } = guarded(key('app', { policies: ['fast', 'full'], policy: 'fast' }));
    expect(answerOf(await ask(app, 'app', { policy: 'full' })).policy).toBe('full');
    const detail = expectProblem(await ask(app, 'app', { policy: 'balanced' }), 403, 'forbidden_policy');
    expect(detail).toContain('fast, full');
    // What there is besides, it does not learn.
    expectProblem(await ask(app, 'app', { policy: 'wild' }), 403, 'forbidden_policy');
  });

  it('gets its own default where it names none, and without one that of the gateway, if it may', async () => {
    const { app } = guarded(key('app', { policies: ['fast'], policy: 'fast' }), key('strict', { policies: ['fast'] }));
    expect(answerOf(await ask(app, 'app')).policy).toBe('fast');
    expectProblem(await ask(app, 'strict'), 403, 'forbidden_policy');
  });

  it('may use those at /v2 as well, where the body names the policy', async () => {
    const { app } = guarded(key('strict', { policies: ['fast', 'full'] }));
    const named = (policy?: string) =>
      infer(app, bytesInput([image]), { parameters: { policy }, headers: { 'X-API-Key': SECRET('strict') } });
    expect(inferredOf(await named('full')).response.parameters.policy).toBe('full');
    expect(inferErrorOf(await named('balanced'), 403)).toContain('fast, full');
    // Of requests that name none, the gateway's default is meant, as at /v1.
    expect(inferErrorOf(await named(), 403)).toContain('"balanced"');
  });

  it('the same for cascades', async () => {
    const { app } = guarded(key('app', { cascades: ['photo200'] }), key('both', { cascades: ['cifar10'] }));
    expectProblem(await ask(app, 'app'), 403, 'forbidden_cascade');
    expect(answerOf(await ask(app, 'both')).cascade).toBe('cifar10');
  });
});

describe('what a key may not use', () => {
  const read = async (app: RequestListener, name: string, path: string) => {
    const { status, body } = await request(app).get(path).set('X-API-Key', SECRET(name));
    return { status, body, text: JSON.stringify(body) };
  };

  it('is not there for it in the catalogue', async () => {
    const { app } = guarded(key('app', { policies: ['fast'] }), key('other', { cascades: ['photo200'] }), key('all'));
    const { body: all } = await read(app, 'all', '/v1/policies');
    expect(all.policies.length).toBeGreaterThan(1);
    const { body } = await read(app, 'app', '/v1/policies');
    expect(body.policies).toEqual(all.policies.filter(({ name }: { name: string }) => name === 'fast'));
    expect((await read(app, 'app', '/v1/policies/fast')).status).toBe(200);
    const hidden = await read(app, 'app', '/v1/policies/balanced');
    const missing = await read(app, 'app', '/v1/policies/wild');
    expect([hidden.status, hidden.body]).toEqual([404, missing.body]);
    expect((await read(app, 'app', '/v1/cascades/cifar10')).body.policies).toEqual(['fast']);
    expect((await read(app, 'other', '/v1/cascades')).body.cascades).toEqual([]);
    expect((await read(app, 'other', '/v1/cascades/cifar10')).status).toBe(404);
    for (const policy of (await read(app, 'other', '/v1/policies')).body.policies) expect(policy.cascades).toEqual([]);
    expect((await read(app, 'all', '/v1/cascades/cifar10')).status).toBe(200);
  });

  it('nor at /v2', async () => {
    const { app } = guarded(key('app', { policies: ['fast'] }), key('other', { cascades: ['photo200'] }));
    for (const path of ['/v2/models/cifar10', '/v2/models/cifar10/ready', '/v2/models/wild']) {
      const { status, text } = await read(app, 'other', path);
      expect([path, status]).toEqual([path, 404]);
      if (path.includes('wild')) expect(text).not.toContain('cifar10');
    }
    expect((await read(app, 'app', '/v2/models/cifar10')).body.properties.policies).toBe('fast');
    const index = (name: string) => request(app).post('/v2/repository/index').set('X-API-Key', SECRET(name));
    expect((await index('other')).body).toEqual([]);
    expect((await index('app')).body).toMatchObject([{ name: 'cifar10' }]);
  });
});

describe('a key with limits of its own', () => {
  it('has its burst at once, then 429 with the seconds until its next token', async () => {
    const { app } = guarded(key('slow', { rate: 0.25, burst: 3 }), key('free'));
    const all = [];
    for (let i = 0; i < 5; i++) all.push(await ask(app, 'slow'));
    expect(all.map(({ status }) => status)).toEqual([200, 200, 200, 429, 429]);
    for (const response of all.slice(3)) {
      expect(expectProblem(response, 429, 'rate_limited')).toContain('0.25');
      expect(Number(response.headers['retry-after'])).toBeGreaterThanOrEqual(1);
      expect(Number(response.headers['retry-after'])).toBeLessThanOrEqual(4);
    }
    answerOf(await ask(app, 'free'));
  });

  it('pays for each picture of a request, also for more than its burst, and waits until they are paid', async () => {
    const { app } = guarded(key('slow', { rate: 0.01, burst: 3 }));
    const many = (pictures: number) =>
      infer(app, bytesInput(Array.from({ length: pictures }, () => image)), {
        headers: { 'X-API-Key': SECRET('slow') },
      });
    inferredOf(await many(1));
    inferredOf(await many(5));
    const refused = await many(1);
    expect(inferErrorOf(refused, 429)).toContain('each picture');
    // Three are owed, and one is needed: a hundred seconds each, less what has passed.
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(300);
    expect(Number(refused.headers['retry-after'])).toBeLessThanOrEqual(400);
    expectProblem(await ask(app, 'slow'), 429, 'rate_limited');
  });

  it('pays for one picture where it is not known how many there are', async () => {
    const { app } = guarded(key('slow', { rate: 0.01, burst: 2 }));
    const headers = { 'X-API-Key': SECRET('slow') };
    const { input, binary } = bytesInput([image, image, image]);
    for (let i = 0; i < 2; i++)
      inferErrorOf(await infer(app, { input: { ...input, shape: [9] }, binary }, { headers }), 400);
    inferErrorOf(await infer(app, bytesInput([image]), { headers }), 429);
  });

  it('may run so many requests at a time, and gets the places back', async () => {
    const { app } = guarded(key('two', { concurrency: 2 }));
    const all = await Promise.all(Array.from({ length: 40 }, () => ask(app, 'two')));
    const refused = all.filter(({ status }) => status !== 200);
    expect(refused.length).toBeGreaterThan(0);
    expect(refused.length).toBeLessThanOrEqual(38);
    for (const response of refused)
      expect(expectProblem(response, 429, 'rate_limited')).toContain('2 requests at a time');
    for (let i = 0; i < 3; i++) answerOf(await ask(app, 'two'));
    // What was refused for another reason gave its place back too.
    for (let i = 0; i < 3; i++) expectProblem(await ask(app, 'two', { policy: 'wild' }), 404, 'unknown_policy');
    answerOf(await ask(app, 'two'));
  });
});

describe("a rate that is everybody's", () => {
  it('counts the pictures of a request as well', async () => {
    const auth = new Auth({ keyHashes: [], ratePerSecond: 4 });
    const app = createApp({ ...served.deps, auth });
    const pictures = Array.from({ length: 256 }, () => image);
    inferredOf(await infer(app, bytesInput(pictures)));
    expectProblem(await post(app, image), 429, 'rate_limited');
  });
});

describe('keys that are replaced', () => {
  it('open from now on, and the old ones do not', async () => {
    const { auth, app } = guarded(key('old'));
    answerOf(await ask(app, 'old'));
    auth.setKeys([key('new')]);
    expectProblem(await ask(app, 'old'), 401, 'unauthorized');
    answerOf(await ask(app, 'new'));
  });

  it('by none leave the gateway closed', async () => {
    const { auth, app } = guarded(key('old'));
    auth.setKeys([]);
    expectProblem(await post(app, image), 401, 'unauthorized');
    expectProblem(await ask(app, 'old'), 401, 'unauthorized');
  });

  it('that are too short are no keys, and the answer says how long they are', async () => {
    const { app } = guarded({ ...key('short'), sha256: sha256('sesame').toString('hex') });
    const detail = expectProblem(await post(app, image).set('X-API-Key', 'sesame'), 401, 'unauthorized');
    expect(detail).toContain('at least 20 characters');
  });
});
