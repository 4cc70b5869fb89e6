import { createHash } from 'node:crypto';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SluiceClient, SluiceProblem, SluiceUnreachable } from '../../src/client/index.js';
import { createApp } from '../../src/http/app.js';
import { Auth } from '../../src/http/auth.js';
import { Answer } from '../support/contract.js';
import { startGateway, type TestGateway } from '../support/gateway.js';
import { drawn, jpeg } from '../support/pictures.js';

let served: TestGateway;
const servers: Server[] = [];
beforeAll(async () => {
  served = await startGateway({ lanes: 1, queue: 4 });
});
afterAll(async () => {
  for (const server of servers) {
    server.close();
    server.closeAllConnections();
  }
  await served.gateway.close();
});

/** Where a gateway behind these keys and this rate listens. */
const listen = (keyHashes: readonly string[] = [], ratePerSecond = 0) =>
  listenWith(createApp({ ...served.deps, auth: new Auth({ keyHashes, ratePerSecond }) }));

function listenWith(answer: RequestListener): string {
  const server = createServer(answer).listen(0);
  servers.push(server);
  return `http://localhost:${(server.address() as AddressInfo).port}`;
}

const problem = (call: Promise<unknown>) =>
  call.then(
    () => undefined,
    (error: unknown) => error as SluiceProblem,
  );

describe('a client of a real gateway', () => {
  it('classifies bytes, a Blob and a stream alike', async () => {
    const client = new SluiceClient({ baseUrl: listen() });
    const picture = new Uint8Array(await jpeg());
    const answers = [
      await client.classify(picture, { explain: true, top: 3, policy: 'full', cascade: 'cifar10' }),
      await client.classify(new Blob([picture], { type: 'multipart/form-data' }), { top: 3, policy: 'full' }),
      await client.classify(new Blob([picture]).stream(), { top: 3, policy: 'full', deadlineMs: 60_000 }),
    ];
    for (const answer of answers) {
      expect(Answer.parse(answer).predictions).toEqual(answers[0]!.predictions);
      expect(answer.predictions.length).toBe(3);
    }
    expect(answers[0]!.route.steps!.length).toBeGreaterThan(1);
    expect(answers[1]!.route.steps).toBeUndefined();
  });

  it('reads the catalogue', async () => {
    const client = new SluiceClient({ baseUrl: listen() });
    const { cascades } = await client.cascades();
    expect(cascades.map(({ name }) => name)).toEqual(['cifar10']);
    expect((await client.cascade('cifar10')).labels.length).toBe(cascades[0]!.classes);
    const { policies, reload } = await client.policies();
    expect({ names: policies.map(({ name }) => name), reload }).toEqual({
      names: expect.arrayContaining(['full', 'balanced']),
      reload: null,
    });
    expect(await client.policy('full')).toMatchObject({ kind: 'full', cascades: ['cifar10'] });
    expect(await client.ready()).toBe(true);
  });

  it('throws what the gateway refuses with', async () => {
    const client = new SluiceClient({ baseUrl: listen() });
    const picture = new Uint8Array(await jpeg());
    const cases: [() => Promise<unknown>, number, string][] = [
      [() => client.classify(picture, { top: 0 }), 400, 'bad_query'],
      [() => client.classify(picture, { policy: 'wild' }), 404, 'unknown_policy'],
      [() => client.classify(new Uint8Array([1, 2, 3])), 415, 'unsupported_format'],
      [() => client.classify(picture.subarray(0, picture.length / 2)), 422, 'damaged_image'],
    ];
    for (const [call, status, code] of cases) {
      const error = await problem(call());
      expect(error).toBeInstanceOf(SluiceProblem);
      expect(error).toMatchObject({ status, code, requestId: expect.stringMatching(/^[0-9a-f-]{36}$/) });
    }
  });

  it('needs its key where keys are set', async () => {
    const baseUrl = listen([createHash('sha256').update('sesame').digest('hex')]);
    expect(await problem(new SluiceClient({ baseUrl }).policies())).toMatchObject({ code: 'unauthorized' });
    expect((await new SluiceClient({ baseUrl, apiKey: 'sesame' }).policies()).policies.length).toBeGreaterThan(0);
  });

  it('takes no key that a header cannot carry, and does not show it', () => {
    const open = (apiKey: string) => new SluiceClient({ baseUrl: 'http://localhost:1', apiKey });
    for (const apiKey of ['ses\name', 'сезам']) {
      expect(() => open(apiKey)).toThrow(new TypeError('apiKey has characters that a header cannot carry'));
    }
  });

  it('takes a page in place of an answer for a problem, and does not ask again', async () => {
    let asked = 0;
    const baseUrl = listenWith((request, response) => {
      asked++;
      request.resume().on('end', () => response.setHeader('Content-Type', 'text/html').end('<html>Log in</html>'));
    });
    const error = await problem(new SluiceClient({ baseUrl }).classify(new Uint8Array(await jpeg())));
    expect(error).toBeInstanceOf(SluiceProblem);
    expect(error).toMatchObject({ status: 200, code: 'unknown', detail: '<html>Log in</html>' });
    expect(asked).toBe(1);
  });

  it.each([700_000, 3e9, Number.POSITIVE_INFINITY])('has a deadline as long as it likes: %d', async (deadlineMs) => {
    // Nothing before 50 ms: a timer that overflows fires at once.
    const app = createApp({ ...served.deps, auth: new Auth({ keyHashes: [], ratePerSecond: 0 }) });
    const client = new SluiceClient({ baseUrl: listenWith((...ends) => setTimeout(() => app(...ends), 50)) });
    const answer = await client.classify(new Uint8Array(await jpeg()), { deadlineMs });
    expect(answer.predictions.length).toBeGreaterThan(0);
  });

  it('comes back when Retry-After says so: each of more calls than the rate allows is answered', async () => {
    const client = new SluiceClient({ baseUrl: listen([], 4), retries: 8 });
    const calls = Array.from({ length: 10 }, () => client.policies());
    for (const { policies } of await Promise.all(calls)) expect(policies.length).toBeGreaterThan(0);
    const impatient = new SluiceClient({ baseUrl: listen([], 1), retries: 0 });
    const refused = await Promise.all(Array.from({ length: 5 }, () => problem(impatient.policies())));
    expect(refused.filter((error) => error?.code === 'rate_limited').length).toBeGreaterThan(0);
  });

  it('gets through to a gateway with too much to do', async () => {
    const client = new SluiceClient({ baseUrl: listen(), retries: 20 });
    const picture = new Uint8Array(await drawn(600, 600).png().toBuffer());
    const answers = await Promise.all(Array.from({ length: 12 }, () => client.classify(picture)));
    expect(answers.length).toBe(12);
  });

  it('leaves when it is told to', async () => {
    const client = new SluiceClient({ baseUrl: listen() });
    const leave = new AbortController();
    const call = problem(client.classify(new Uint8Array(await drawn(1500, 1500).png().toBuffer()), leave));
    leave.abort();
    expect(await call).toMatchObject({ name: 'AbortError' });
  });

  it('says so where there is no gateway, and which address was tried', async () => {
    const server = createServer().listen(0);
    const { port } = server.address() as AddressInfo;
    await new Promise((closed) => server.close(closed));
    const error = await problem(new SluiceClient({ baseUrl: `http://127.0.0.1:${port}`, retries: 1 }).ready());
    expect(error).toBeInstanceOf(SluiceUnreachable);
    expect(error!.message).toBe(`no answer from http://127.0.0.1:${port}/: connect ECONNREFUSED 127.0.0.1:${port}`);
    expect(error!.cause).toMatchObject({ message: 'fetch failed' });
  });
});
