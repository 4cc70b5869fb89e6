import { Registry } from 'prom-client';
import request from 'supertest';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Gateway } from '../../src/gateway/gateway.js';
import { createApp } from '../../src/http/app.js';
import { Auth } from '../../src/http/auth.js';
import type { ShownReload } from '../../src/http/catalogue.js';
import { type ConsoleFiles, readConsole } from '../../src/http/console.js';
import { snapshotOf } from '../../src/http/figures.js';
import type { ExitFigures, Snapshot } from '../../src/http/snapshot.js';
import { RequestMetrics } from '../../src/telemetry/request-metrics.js';
import { placeOf } from '../support/cifar10.js';
import { type Answer, ask, expectProblem, post } from '../support/contract.js';
import { ROOT, startGateway, type TestGateway } from '../support/gateway.js';
import { jpeg } from '../support/pictures.js';

const BROWSER = 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8';
const JSON_OF_ROOT = { service: 'sluice', classify: 'POST /v1/classify' };

let served: TestGateway;
let files: ConsoleFiles;
let app: ReturnType<typeof createApp>;
beforeAll(async () => {
  served = await startGateway({ lanes: 1 });
  files = await readConsole(`${ROOT}dist/console`);
  app = createApp({ ...served.deps, console: files });
});
afterAll(() => served.gateway.close());

/** What every file of the page is sent with. */
function expectGuarded(headers: Readonly<Record<string, string>>): void {
  const policy = new Map(
    headers['content-security-policy']!.split('; ').map((each) => [each.split(' ')[0]!, each.split(' ').slice(1)]),
  );
  for (const name of ['default-src', 'frame-ancestors', 'base-uri', 'form-action'])
    expect([name, policy.get(name)]).toEqual([name, ["'none'"]]);
  for (const name of ['script-src', 'style-src', 'connect-src'])
    expect([name, policy.get(name)]).toEqual([name, ["'self'"]]);
  expect(policy.get('img-src')).toEqual(["'self'", 'blob:', 'data:']);
  expect(headers).toMatchObject({
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
    'cache-control': 'no-cache',
  });
}

describe('GET /', () => {
  it('is the page for a browser, guarded', async () => {
    const { status, text, headers } = await request(app).get('/').set('Accept', BROWSER);
    expect(status).toBe(200);
    expect(headers['content-type']).toBe('text/html; charset=utf-8');
    expect(text).toContain('<title>Sluice</title>');
    expectGuarded(headers);
    // Nothing inline, which the policy would stop.
    expect(text).not.toMatch(/<script(?![^>]*\ssrc=)|<style|\sstyle=|\son\w+=/);
  });

  it.each([undefined, '*/*', 'application/json', 'application/json, text/html;q=0.5'])(
    'is JSON for who accepts %s',
    async (accept) => {
      const asked = request(app).get('/');
      const { body, headers } = await (accept === undefined ? asked : asked.set('Accept', accept));
      expect(body).toMatchObject(JSON_OF_ROOT);
      // Caches between keep both.
      expect(headers.vary).toContain('Accept');
    },
  );

  it('is JSON for everybody where the console is off', async () => {
    const { body } = await request(served.app).get('/').set('Accept', BROWSER);
    expect(body).toMatchObject(JSON_OF_ROOT);
    for (const path of ['/console/console.js', '/console/figures'])
      expectProblem(await request(served.app).get(path), 404, 'not_found');
  });

  it('answers HEAD with the same headers and no body', async () => {
    const { status, headers, text } = await request(app).head('/').set('Accept', BROWSER);
    expect({ status, text: text ?? '' }).toEqual({ status: 200, text: '' });
    expectGuarded(headers);
  });
});

describe('the files of the page', () => {
  it('are all that it names, each with its type, guarded', async () => {
    const { text } = await request(app).get('/').set('Accept', BROWSER);
    const named = [...text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path]) => path!);
    expect(named.length).toBeGreaterThanOrEqual(3);
    const types: Record<string, string> = {
      js: 'text/javascript; charset=utf-8',
      css: 'text/css; charset=utf-8',
      svg: 'image/svg+xml',
    };
    for (const path of named) {
      const { status, headers } = await request(app).get(`/${path}`);
      expect(`${path} ${status} ${headers['content-type']}`).toBe(`${path} 200 ${types[path.split('.').at(-1)!]}`);
      expectGuarded(headers);
    }
  });

  it('are not sent again to who has them', async () => {
    const first = await request(app).get('/console/console.js');
    const again = await request(app).get('/console/console.js').set('If-None-Match', first.headers.etag!);
    expect({ status: again.status, text: again.text }).toEqual({ status: 304, text: '' });
    const other = await request(app).get('/console/console.js').set('If-None-Match', '"other"');
    expect(other.status).toBe(200);
    const page = () => request(app).get('/').set('Accept', BROWSER);
    expect((await page().set('If-None-Match', (await page()).headers.etag!)).status).toBe(304);
  });

  it.each(['none.js', '..%2f..%2fpackage.json', '%2e%2e%2fhttp%2fapp.js', 'index.html.map', ''])(
    'are no others: not %s',
    async (name) => {
      expectProblem(await request(app).get(`/console/${name}`), 404, 'not_found');
    },
  );

  it('hold the licences of what is bundled', async () => {
    const { text } = await request(app).get('/console/licences.txt');
    for (const name of ['preact', 'uplot', 'yaml']) expect(text).toMatch(new RegExp(`^${name}$`, 'm'));
  });

  it('are missed at the start where they were not built', async () => {
    await expect(readConsole(`${ROOT}dist/nowhere`)).rejects.toThrow('npm run build');
  });
});

describe('GET /console/figures', () => {
  const figures = async (): Promise<Snapshot> => (await request(app).get('/console/figures')).body;
  const of = ({ services }: Snapshot, policy: string) => services.find((each) => each.policy === policy);

  it('moves by exactly what the answers said', async () => {
    await ask(app, await jpeg(), { policy: 'fast' });
    const before = await figures();
    const answers: Answer[] = [];
    for (let hue = 0; hue < 12; hue++) answers.push(await ask(app, await jpeg(32, 32, 30 * hue), { policy: 'fast' }));
    await post(app, Buffer.from('words'));
    const after = await figures();
    const [from, to] = [of(before, 'fast')!, of(after, 'fast')!];
    const sum = (key: 'macs' | 'full_macs') => answers.reduce((total, { cost }) => total + cost[key], 0);
    expect(to.answered - from.answered).toBe(12);
    expect(to.macs - from.macs).toBe(sum('macs'));
    expect(to.full_macs - from.full_macs).toBe(sum('full_macs'));
    const refused = ({ cascades }: Snapshot) => cascades.map((each) => `${each.name} ${each.refused}`);
    const [first] = before.cascades;
    expect(refused(after)[0]).toBe(`${first!.name} ${first!.refused + 1}`);
    expect(refused(after).slice(1)).toEqual(refused(before).slice(1));
    expect(after.refused).toBe(before.refused);
    const exitOf = (each: ExitFigures | Answer['route']) => `${placeOf(each)} ${each.exit}`;
    const earlier = new Map(from.exits.map((each) => [exitOf(each), each.answers]));
    const given = new Map<string, number>();
    for (const { route } of answers) given.set(exitOf(route), (given.get(exitOf(route)) ?? 0) + 1);
    const moved = to.exits.map((each) => [exitOf(each), each.answers - (earlier.get(exitOf(each)) ?? 0)] as const);
    expect(new Map(moved.filter(([, by]) => by !== 0))).toEqual(given);
    const milliseconds = to.latency.map(({ ms }) => ms ?? Number.POSITIVE_INFINITY);
    expect(milliseconds).toEqual([...milliseconds].sort((a, b) => a - b));
    expect(to.latency.at(-1)).toEqual({ ms: null, answers: to.answered });
  });

  it('says whether the catalogue is another one, the lanes, and when it was started', async () => {
    const snapshot = await figures();
    expect((await figures()).catalogue).toBe(snapshot.catalogue);
    const { laneCounts, queued, cascades, policies, serving, defaultCascade, defaultPolicy } = served.gateway;
    const now = { laneCounts, queued, cascades, policies, serving, defaultCascade, defaultPolicy };
    const reload = (result: 'accepted' | 'rejected', at: number): ShownReload => ({
      at: new Date(at),
      result,
      errors: [{ file: 'fast.yaml', key: '', reason: 'broken' }],
    });
    const catalogueOf = async (changed: Partial<typeof now>, lastReload?: ShownReload) =>
      (await snapshotOf({ ...now, ...changed } as Gateway, { registry: undefined, lastReload, page: '' })).catalogue;
    const seen = await Promise.all([
      catalogueOf({}),
      catalogueOf({}, reload('rejected', 1)),
      catalogueOf({ cascades: [] }),
      catalogueOf({ cascades: cascades.map((cascade) => ({ ...cascade, labels: [...cascade.labels].reverse() })) }),
      catalogueOf({ policies: policies.map((policy) => ({ ...policy, version: 'another' })) }),
      catalogueOf({ defaultCascade: 'another' }),
      catalogueOf({ defaultPolicy: 'another' }),
    ]);
    expect(seen[0]).toBe(snapshot.catalogue);
    expect(new Set(seen).size).toBe(seen.length);
    // Nor is it another one of a gateway beside this one, which was reloaded at another time.
    expect(await catalogueOf({}, reload('rejected', 2))).toBe(seen[1]);
    expect(await catalogueOf({}, reload('accepted', 2))).toBe(seen[0]);
    // Points move often: they are told apart.
    const [first, ...others] = serving;
    expect(await catalogueOf({ serving: [{ ...first!, point: 1 }, ...others] })).toBe(seen[0]);
    expect(snapshot.lanes).toEqual({ ready: 1, starting: 0, retiring: 0 });
    expect(snapshot.started_ms).toBeLessThanOrEqual(snapshot.at_ms);
    expect((await figures()).started_ms).toBe(snapshot.started_ms);
  });

  it('counts a request that names nothing, and nobody who left', async () => {
    const registry = new Registry();
    const metrics = new RequestMetrics(registry);
    const plan = { cascade: served.gateway.defaultCascade, policy: 'fast' };
    metrics.refused(503, plan);
    metrics.refused(499, plan);
    metrics.refused(404, undefined);
    metrics.refused(499, undefined);
    const { cascades, refused } = await snapshotOf(served.gateway, { registry, lastReload: undefined, page: '' });
    expect(cascades.find(({ name }) => name === plan.cascade)!.refused).toBe(1);
    expect(refused).toBe(1);
  });

  it('says which points serve, as the policies do, the version, and which page there is', async () => {
    const { serving, version, page, cascades } = await figures();
    const { policies } = (await request(app).get('/v1/policies')).body;
    const told = policies.flatMap(({ name, points = {} }: { name: string; points?: Record<string, string> }) =>
      Object.entries(points).map(([cascade, point]) => ({ cascade, policy: name, point })),
    );
    const inOrder = (points: typeof serving) => points.map((each) => JSON.stringify(each)).sort();
    expect(serving.length).toBeGreaterThan(0);
    expect(inOrder(serving)).toEqual(inOrder(told));
    expect(version).toMatch(/^\d+\.\d+\.\d+/);
    for (const each of cascades) expect(each.version).toMatch(/^[0-9a-f]{12}$/);
    const other = createApp({ ...served.deps, console: new Map([...files].slice(1)) });
    expect((await request(other).get('/console/figures')).body.page).not.toBe(page);
  });

  it('asks for the key where there are keys, but takes nothing from the rate; the page itself needs none', async () => {
    // The SHA-256 of "secret".
    const keyHashes = ['2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b'];
    const locked = createApp({ ...served.deps, console: files, auth: new Auth({ keyHashes, ratePerSecond: 2 }) });
    expectProblem(await request(locked).get('/console/figures'), 401, 'unauthorized');
    expect((await request(locked).get('/').set('Accept', BROWSER)).status).toBe(200);
    for (let i = 0; i < 10; i++) {
      const { status } = await request(locked).get('/console/figures').set('Authorization', 'Bearer secret');
      expect(status).toBe(200);
    }
  });
});
