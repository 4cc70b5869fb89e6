import { getEventListeners } from 'node:events';
import { readFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { CLIENT_TYPES, clientTypes } from '../../docs/client-types.js';
import {
  SluiceClient,
  type SluiceClientOptions,
  SluiceProblem,
  SluiceTimeout,
  SluiceUnreachable,
} from '../../src/client/index.js';
import { type Patience, pauseMs, secondsOf } from '../../src/client/retry.js';

interface Asked {
  readonly url: URL;
  readonly init: RequestInit;
  /** On the clock of the test. */
  readonly atMs: number;
}
type Reply = Response | Error | 'never';

const answered = (body: object = {}) => Response.json(body);
const refused = (status: number, code: string, headers: Record<string, string> = {}) =>
  new Response(JSON.stringify({ type: `urn:sluice:problem:${code}`, title: 'No', status, detail: 'not now', code }), {
    status,
    headers: { 'Content-Type': 'application/problem+json', 'X-Request-Id': 'r1', ...headers },
  });

/** A client whose gateway says these one after another. */
function clientOf(replies: readonly Reply[], options: Partial<SluiceClientOptions> = {}) {
  const asked: Asked[] = [];
  const from = Date.now();
  const fetch = (async (input: URL, init: RequestInit) => {
    asked.push({ url: input, init, atMs: Date.now() - from });
    const reply = replies[asked.length - 1];
    if (reply === undefined) throw new Error('asked too often');
    if (reply instanceof Error) throw reply;
    if (reply !== 'never') return reply;
    return new Promise<Response>((_, reject) => {
      init.signal!.addEventListener('abort', () => reject(init.signal!.reason));
    });
  }) as typeof globalThis.fetch;
  return { client: new SluiceClient({ baseUrl: 'http://gateway/under', fetch, ...options }), asked };
}

/** Lets the clock run until the call has ended. */
async function settled<T>(call: Promise<T>): Promise<T | Error> {
  const caught = call.catch((error: Error) => error);
  await vi.runAllTimersAsync();
  return caught;
}

const picture = new Uint8Array([0xff, 0xd8, 0xff]);

beforeEach(() => {
  vi.useFakeTimers();
  vi.spyOn(Math, 'random').mockReturnValue(1);
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

describe('a request', () => {
  it('has the query, the key and the bytes, below the path of the gateway', async () => {
    const { client, asked } = clientOf([answered({ id: 'x' })], { apiKey: 'sesame' });
    const options = { cascade: 'a', policy: 'b', top: 3, explain: true, deadlineMs: 50 };
    expect(await settled(client.classify(picture, options))).toEqual({ id: 'x' });
    const { url, init } = asked[0]!;
    expect(url.href).toBe('http://gateway/under/v1/classify?cascade=a&policy=b&top=3&explain=true&deadline_ms=50');
    expect(init).toMatchObject({ method: 'POST', body: picture });
    expect(init.headers).toEqual({ 'Content-Type': 'application/octet-stream', Authorization: 'Bearer sesame' });
  });

  it('asks for the catalogue, names encoded', async () => {
    const { client, asked } = clientOf([answered(), answered(), answered(), answered()]);
    await settled(client.cascades());
    await settled(client.policies());
    await settled(client.cascade('a/b'));
    await settled(client.policy('c d'));
    expect(asked.map(({ url }) => url.pathname)).toEqual([
      '/under/v1/cascades',
      '/under/v1/policies',
      '/under/v1/cascades/a%2Fb',
      '/under/v1/policies/c%20d',
    ]);
  });

  it('takes "not ready" for an answer', async () => {
    const notReady = Response.json({ status: 'not ready', lanes: { ready: 0, starting: 2 } }, { status: 503 });
    const { client, asked } = clientOf([notReady, answered({ status: 'ready' })]);
    expect(await settled(client.ready())).toBe(false);
    expect(await settled(client.ready())).toBe(true);
    expect(asked.length).toBe(2);
  });
});

describe('no answer', () => {
  const messageOf = async (thrown: Error) => {
    const error = await settled(clientOf([thrown], { retries: 0 }).client.cascades());
    expect(error).toBeInstanceOf(SluiceUnreachable);
    expect((error as Error).cause).toBe(thrown);
    return (error as Error).message;
  };
  const coded = (message: string, code: string) => Object.assign(new Error(message), { code });
  const refusals = ['connect ECONNREFUSED ::1:80', 'connect ECONNREFUSED 127.0.0.1:80'];

  it.each([
    [new TypeError('Failed to fetch'), 'Failed to fetch'],
    [new TypeError('fetch failed', { cause: coded(refusals[0]!, 'ECONNREFUSED') }), refusals[0]!],
    [
      new TypeError('fetch failed', { cause: new AggregateError(refusals.map((each) => coded(each, 'ECONNREFUSED'))) }),
      refusals.join(', '),
    ],
    [
      new TypeError('fetch failed', { cause: coded('other side closed', 'UND_ERR_SOCKET') }),
      'other side closed (UND_ERR_SOCKET)',
    ],
    [new TypeError('fetch failed', { cause: coded('', 'ECONNRESET') }), 'ECONNRESET'],
  ])('says what lies at the bottom of it: %s', async (thrown, said) => {
    expect(await messageOf(thrown)).toBe(`no answer from http://gateway/under/: ${said}`);
  });
});

describe('an address', () => {
  const open = (baseUrl: string | URL) => () => new SluiceClient({ baseUrl });

  it.each(['', 'localhost:8080', '/gateway', 'http://', 'ftp://gateway'])('that is none is named: "%s"', (baseUrl) => {
    expect(open(baseUrl)).toThrow(TypeError);
    expect(open(baseUrl)).toThrow(`baseUrl: found "${baseUrl}"; allowed: http://HOST or https://HOST`);
  });

  it('has no password, which is not shown', () => {
    expect(open('http://me:sesame@gateway')).toThrow(/^baseUrl: has a user or a password(?!.*sesame)/);
  });

  it('may be a path in a page', async () => {
    vi.stubGlobal('location', { href: 'https://shop/pages/one?x=1' });
    const { client, asked } = clientOf([answered()], { baseUrl: '/sluice' });
    await settled(client.cascades());
    expect(asked[0]!.url.href).toBe('https://shop/sluice/v1/cascades');
  });
});

describe('a refusal', () => {
  it('is an error with all that the gateway said', async () => {
    const { client, asked } = clientOf([refused(422, 'damaged_image')]);
    const error = await settled(client.classify(picture));
    expect(error).toBeInstanceOf(SluiceProblem);
    expect(error).toMatchObject({ status: 422, code: 'damaged_image', detail: 'not now', requestId: 'r1' });
    expect(asked.length).toBe(1);
  });

  it('that says less than one of a gateway is told as far as it goes', async () => {
    const headers = { 'Content-Type': 'application/problem+json' };
    const said = ['{"title":"Busy"}', 'null', '{"title":'];
    const { client, asked } = clientOf(
      said.map((body) => new Response(body, { status: 500, statusText: 'No', headers })),
    );
    const errors = [];
    for (const _ of said) errors.push(await settled(client.cascades()));
    expect(errors.map((error) => (error as Error).message)).toEqual([
      'Busy: {"title":"Busy"}',
      'No: null',
      'No: {"title":',
    ]);
    for (const error of errors) expect(error).toMatchObject({ status: 500, code: 'unknown', type: 'about:blank' });
    expect(asked.length).toBe(3);
  });

  it.each([502, 200])('of something between is an error too, not asked again: %i', async (status) => {
    const { client, asked } = clientOf([new Response('<p>', { status, statusText: 'No' })]);
    const told = { status, code: 'unknown', detail: '<p>', title: status === 200 ? 'The answer is not JSON' : 'No' };
    expect(await settled(client.classify(picture))).toMatchObject({ name: 'SluiceProblem', ...told });
    expect(asked.length).toBe(1);
  });
});

describe('a call is tried again', () => {
  it('after 429 and 503, never before Retry-After', async () => {
    const { client, asked } = clientOf([
      refused(429, 'rate_limited', { 'Retry-After': '2' }),
      refused(503, 'overloaded', { 'Retry-After': '1' }),
      answered({ id: 'x' }),
    ]);
    expect(await settled(client.classify(picture))).toEqual({ id: 'x' });
    expect(asked.map(({ atMs }) => atMs)).toEqual([0, 2100, 3300]);
    const years = refused(503, 'overloaded', { 'Retry-After': '99999999' });
    const patient = clientOf([years, answered()], { maxWaitMs: Number.POSITIVE_INFINITY });
    await settled(patient.client.cascades());
    expect(patient.asked[1]!.atMs).toBe(2 ** 31 - 1);
  });

  it('after a connection that broke, with pauses that grow', async () => {
    const broken = new TypeError('fetch failed');
    const { client, asked } = clientOf([broken, broken, broken, answered({ id: 'x' })]);
    expect(await settled(client.classify(picture))).toEqual({ id: 'x' });
    expect(asked.map(({ atMs }) => atMs)).toEqual([0, 100, 300, 700]);
  });

  it('as often as `retries` says, then fails with the last error', async () => {
    const broken = new TypeError('fetch failed');
    const { client, asked } = clientOf([broken, refused(503, 'starting')], { retries: 1 });
    expect(await settled(client.classify(picture))).toMatchObject({ code: 'starting' });
    expect(asked.length).toBe(2);
    const alone = clientOf([broken], { retries: 0 });
    const error = await settled(alone.client.classify(picture));
    expect(error).toBeInstanceOf(SluiceUnreachable);
    expect((error as Error).cause).toBe(broken);
  });

  it.each([400, 401, 404, 413, 415, 422, 500, 502, 504])('but not after %i', async (status) => {
    const { client, asked } = clientOf([refused(status, 'whatever')]);
    expect(await settled(client.classify(picture))).toMatchObject({ status });
    expect(asked.length).toBe(1);
  });

  it('but not when Retry-After is longer than it may wait', async () => {
    const { client, asked } = clientOf([refused(503, 'overloaded', { 'Retry-After': '31' })]);
    expect(await settled(client.classify(picture))).toMatchObject({ retryAfterSeconds: 31 });
    expect(asked.length).toBe(1);
  });

  it('but not when the picture is a stream: it is gone', async () => {
    const { client, asked } = clientOf([refused(503, 'overloaded')]);
    expect(await settled(client.classify(new Blob([picture]).stream()))).toMatchObject({ code: 'overloaded' });
    expect(asked.length).toBe(1);
    expect(asked[0]!.init).toMatchObject({ duplex: 'half' });
  });
});

describe('a deadline', () => {
  it.each([
    [5000, ['5000', '3900']],
    [Number.POSITIVE_INFINITY, ['600000', '600000']],
  ])('is for all attempts: each tells the gateway what is left of %d', async (deadlineMs, told) => {
    const { client, asked } = clientOf([refused(503, 'overloaded', { 'Retry-After': '1' }), answered({ id: 'x' })]);
    expect(await settled(client.classify(picture, { deadlineMs }))).toEqual({ id: 'x' });
    expect(asked.map(({ url }) => url.searchParams.get('deadline_ms'))).toEqual(told);
  });

  it('is never waited past: the refusal is told at once', async () => {
    const { client, asked } = clientOf([refused(503, 'overloaded', { 'Retry-After': '3' })]);
    expect(await settled(client.classify(picture, { deadlineMs: 2000 }))).toMatchObject({ code: 'overloaded' });
    expect(asked.length).toBe(1);
  });

  it('ends a call that nobody answers', async () => {
    const { client, asked } = clientOf(['never']);
    const error = await settled(client.classify(picture, { deadlineMs: 2000 }));
    expect(error).toBeInstanceOf(SluiceTimeout);
    expect(asked.length).toBe(1);
  });
});

describe('a caller who aborts', () => {
  it('ends the request that runs, with its own reason', async () => {
    const { client, asked } = clientOf(['never']);
    const leave = new AbortController();
    const call = client.classify(picture, { signal: leave.signal }).catch((error: Error) => error);
    const reason = new Error('enough');
    leave.abort(reason);
    expect(await call).toBe(reason);
    expect(asked[0]!.init.signal!.aborted).toBe(true);
  });

  it('ends the pause before the next attempt', async () => {
    const { client, asked } = clientOf([refused(503, 'overloaded', { 'Retry-After': '5' }), answered()]);
    const leave = new AbortController();
    const call = client.classify(picture, { signal: leave.signal }).catch((error: Error) => error.name);
    await vi.advanceTimersByTimeAsync(1000);
    leave.abort();
    expect(await call).toBe('AbortError');
    await vi.runAllTimersAsync();
    expect(asked.length).toBe(1);
  });

  it('may use one signal for all calls: none is kept by it', async () => {
    const { client } = clientOf([answered(), refused(422, 'damaged_image'), new TypeError('fetch failed'), answered()]);
    const { signal } = new AbortController();
    for (let call = 0; call < 3; call++) await settled(client.cascades({ signal }));
    expect(getEventListeners(signal, 'abort')).toEqual([]);
    // Of AbortSignal.any, which in Node 20 never forgets one.
    const symbols = Object.getOwnPropertySymbols(signal).filter(
      ({ description }) => description === 'kDependantSignals',
    );
    expect(symbols).toEqual([]);
  });

  it('before the call asks nothing', async () => {
    const { client, asked } = clientOf([answered()]);
    const call = client.cascades({ signal: AbortSignal.abort() }).catch((error: Error) => error.name);
    expect(await call).toBe('AbortError');
    expect(asked.length).toBe(0);
  });
});

describe('the pause before the next attempt', () => {
  const patience: Patience = { failed: 1, retries: 9, maxWaitMs: 30_000, leftMs: Number.POSITIVE_INFINITY };
  const overloaded = { status: 503, retryAfterSeconds: undefined };

  it('doubles up to five seconds, half of it drawn', () => {
    const longest = [1, 2, 3, 4, 5, 6, 7, 8].map((failed) => pauseMs(overloaded, { ...patience, failed }, 1));
    expect(longest).toEqual([100, 200, 400, 800, 1600, 3200, 5000, 5000]);
    expect(pauseMs(overloaded, patience, 0)).toBe(50);
  });

  it('is none where a setting is no number', () => {
    expect(pauseMs(overloaded, { ...patience, retries: Number.NaN }, 1)).toBeUndefined();
    const told = { status: 503, retryAfterSeconds: 9 };
    expect(pauseMs(told, { ...patience, maxWaitMs: Number.NaN }, 1)).toBeUndefined();
  });

  it('is none where it would end after the deadline', () => {
    expect(pauseMs(overloaded, { ...patience, leftMs: 101 }, 1)).toBe(100);
    expect(pauseMs(overloaded, { ...patience, leftMs: 100 }, 1)).toBeUndefined();
  });

  it('reads Retry-After as seconds or as a date', () => {
    const now = Date.parse('Wed, 25 Nov 2026 12:00:00 GMT');
    expect(secondsOf('7', now)).toBe(7);
    expect(secondsOf('Wed, 25 Nov 2026 12:00:05 GMT', now)).toBe(5);
    expect(secondsOf('Wed, 25 Nov 2026 11:00:00 GMT', now)).toBe(0);
    expect(secondsOf('soon', now)).toBeUndefined();
    expect(secondsOf(null, now)).toBeUndefined();
  });
});

describe('the types of the client', () => {
  it('are those that `npm run docs` makes of the schemas that the gateway answers by', async () => {
    expect(await readFile(CLIENT_TYPES, 'utf8')).toBe(await clientTypes());
  });
});
