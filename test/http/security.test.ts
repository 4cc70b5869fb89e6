/** What every answer has, and what none may say. */

import { cp, mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import request, { type Response } from 'supertest';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createApp } from '../../src/http/app.js';
import { Auth } from '../../src/http/auth.js';
import { createMetricsApp } from '../../src/http/metrics-app.js';
import { Metrics } from '../../src/telemetry/metrics.js';
import { answerOf, post } from '../support/contract.js';
import { MODELS, ROOT, startGateway, type TestGateway } from '../support/gateway.js';
import { claimingPng, FORMATS, jpeg } from '../support/pictures.js';
import { ServeProcess } from '../support/process.js';
import { copyPolicies } from '../support/small-folders.js';

let served: TestGateway;
let app: RequestListener;
beforeAll(async () => {
  served = await startGateway({ lanes: 1, maxPixels: 1_000_000 });
  app = served.app;
});
afterAll(() => served.gateway.close());

function expectHeaders({ headers }: Response): void {
  expect(headers).toMatchObject({
    'x-content-type-options': 'nosniff',
    'content-security-policy': expect.stringContaining("default-src 'none'"),
    'cross-origin-resource-policy': 'same-origin',
    'referrer-policy': 'no-referrer',
    'cache-control': 'no-store',
  });
  expect(headers).not.toHaveProperty('x-powered-by');
  expect(headers).not.toHaveProperty('server');
  expect(headers).not.toHaveProperty('access-control-allow-origin');
  // Over HTTP nobody has to be told to stay with HTTPS.
  expect(headers).not.toHaveProperty('strict-transport-security');
}

describe('the metrics', () => {
  it('are made once for all who ask at the same time', async () => {
    const made = vi.spyOn(served.deps.metrics.registry, 'metrics');
    const server = createServer(app).listen(0);
    const answers = await Promise.all(Array.from({ length: 50 }, () => request(server).get('/metrics')));
    server.close();
    for (const { status, text } of answers) expect([status, text.includes('sluice_connections')]).toEqual([200, true]);
    // How far apart they come is up to the machine.
    expect(made.mock.calls.length).toBeLessThan(25);
    made.mockRestore();
  });

  it('that cannot be made are a 500 that says nothing of it, and a line of the log that does', async () => {
    const lines: string[] = [];
    const log = pino({ level: 'error' }, { write: (line) => lines.push(line) });
    const metrics = new Metrics();
    metrics.registry.metrics = () => Promise.reject(new Error('a gauge that throws'));
    const { status, text } = await request(createMetricsApp(metrics, served.gateway, log)).get('/metrics');
    expect([status, JSON.parse(text).code]).toEqual([500, 'internal']);
    expect(text).not.toContain('gauge');
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { msg: 'request failed', err: { message: 'a gauge that throws' } },
    ]);
  });
});

describe('every answer', () => {
  it('has the headers for whoever opens it in a browser', async () => {
    expectHeaders(await post(app, await jpeg()));
    for (const path of [
      '/',
      '/livez',
      '/readyz',
      '/metrics',
      '/v1/policies',
      '/v1/cascades',
      '/nothing',
      '/v1/classify',
    ])
      expectHeaders(await request(app).get(path));
    const metrics = createMetricsApp(served.deps.metrics, served.gateway, served.deps.log);
    for (const path of ['/livez', '/readyz', '/metrics', '/v1/classify'])
      expectHeaders(await request(metrics).get(path));
  });
});

/** Names of libraries, files and stacks: to whoever looks for a way in they say where to look. */
const TELLTALE =
  /node_modules|libvips|\bvips|sharp|onnx|express|busboy|\bzod\b|libjpeg|libpng|libspng|libwebp|libheif|libtiff|mozjpeg|\bat .+:\d+|\.(js|ts|mjs|node|yaml|onnx)\b|\/(src|dist|home|root|tmp|usr|etc|work)\/|HPE_|ERR_|ENO[A-Z]+|undefined|\[object/i;

describe('no error', () => {
  it('names a library, a file or a stack', async () => {
    const half = (image: Buffer) => image.subarray(0, image.length / 2);
    const damaged = await Promise.all(Object.values(FORMATS).map(async (draw) => half(await draw(150, 120))));
    const form = (body: string) =>
      request(app).post('/v1/classify').set('Content-Type', 'multipart/form-data; boundary=B').send(body);
    const closed = createApp({ ...served.deps, auth: new Auth({ keyHashes: ['0'.repeat(64)], ratePerSecond: 0 }) });
    const broken = createApp({
      ...served.deps,
      auth: {
        admit: () => Promise.reject(new Error(`cannot open ${ROOT}secret.js`)),
        check: () => {
          throw new Error('cannot open /etc/secret');
        },
      } as unknown as Auth,
    });
    const image = await jpeg();
    const asked = [
      ...damaged.map((picture) => post(app, picture)),
      post(app, await claimingPng(30_000, 30_000)),
      post(app, Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>')),
      post(app, Buffer.alloc(0)),
      post(createApp({ ...served.deps, maxBytes: 10 }), image),
      ...[{ top: 'x' }, { cascade: 'nothing' }, { policy: '__proto__' }, { colour: 'red' }].map((query) =>
        post(app, image, query),
      ),
      ...['', 'x', '--B\r\nContent-Dispo', '--B--\r\n'].map((body) => form(body)),
      request(app).get('/v1/cascades/%E0%A4%A'),
      request(app).get('/v1/policies/%2e%2e%2f%2e%2e%2fetc%2fpasswd'),
      request(app).get('/console/..%2f..%2fpackage.json'),
      request(app).put('/v1/classify'),
      request(closed).get('/v1/policies'),
      post(broken, image),
      request(broken).get('/v1/policies'),
      request(createMetricsApp(served.deps.metrics, served.gateway, served.deps.log)).get('/%E0%A4%A'),
    ];
    const answers = await Promise.all(asked);
    for (const answer of answers) {
      expect(answer.status).toBeGreaterThanOrEqual(400);
      expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
      expect(answer.text).not.toMatch(TELLTALE);
      expectHeaders(answer);
    }
    expect(answers.filter(({ status }) => status === 500)).toHaveLength(2);
  });
});

describe("a picture's bytes", () => {
  /** Behind the end of a picture, where no decoder looks, and as a body of its own. */
  const MARK = 'q7Zr-unmistakable-mark-Wk3';
  const SPELT = [MARK, Buffer.from(MARK).toString('hex'), ...[0, 1, 2].map(inBase64)];

  /** What base64 makes of it after so many bytes, without the edges that depend on what is around. */
  function inBase64(shift: number): string {
    return Buffer.from(' '.repeat(shift) + MARK)
      .toString('base64')
      .slice(4, 28);
  }

  it('are not echoed, not logged at level trace, and not on disk', async () => {
    // The small cascade alone: its lanes are warm soon.
    const root = await mkdtemp(join(tmpdir(), 'sluice-security-'));
    await cp(join(MODELS, 'cifar10'), join(root, 'models', 'cifar10'), { recursive: true });
    await copyPolicies(join(root, 'policies'));
    await mkdir(join(root, 'tmp'));
    const folders = ['--models', join(root, 'models'), '--policies', join(root, 'policies')];
    await using gateway = new ServeProcess(['--lanes', '1', ...folders, '--log-level', 'trace'], {
      TMPDIR: join(root, 'tmp'),
    });
    const url = await gateway.url();
    await gateway.said('ready');
    const marked = async (image: Buffer) => new Uint8Array(Buffer.concat([image, Buffer.from(MARK.repeat(50))]));
    const good = await marked(await jpeg(300, 200));
    const bodies = [good, await marked((await jpeg(300, 200)).subarray(0, 800)), new Uint8Array(Buffer.from(MARK))];
    const said: string[] = [];
    for (const body of bodies) {
      const response = await fetch(`${url}/v1/classify?explain=true`, { method: 'POST', body });
      said.push(JSON.stringify([...response.headers]), await response.text());
      const form = new FormData();
      form.set('image', new Blob([body]), 'a.jpg');
      said.push(await (await fetch(`${url}/v1/classify`, { method: 'POST', body: form })).text());
    }
    said.push(await (await fetch(`${url}/metrics`)).text());
    const files = await readdir(join(root, 'tmp'), { recursive: true, withFileTypes: true });
    for (const file of files.filter((each) => each.isFile())) {
      const bytes = await readFile(join(file.parentPath, file.name));
      expect(SPELT.filter((spelling) => bytes.includes(spelling))).toEqual([]);
    }
    gateway.signal('SIGTERM');
    await gateway.exited;
    await rm(root, { recursive: true });
    const all = [...said, ...gateway.stdout, ...gateway.log.map((line) => JSON.stringify(line))].join('\n');
    expect(gateway.log.some(({ msg }) => msg === 'answered')).toBe(true);
    expect(gateway.log.some(({ msg }) => msg === 'refused')).toBe(true);
    expect(SPELT.filter((spelling) => all.includes(spelling))).toEqual([]);
  });
});

describe('a polyglot', () => {
  it('is answered as JSON that no browser takes for a page', async () => {
    const page = Buffer.concat([await jpeg(64, 64), Buffer.from('<script>alert(1)</script>')]);
    const response = await post(app, page);
    answerOf(response);
    expect(response.text).not.toContain('<script>');
  });
});
