/** Refusals while the body still comes: callers that send first and read later hear them too, also those that close after one answer. */

import { execFile } from 'node:child_process';
import type { Socket } from 'node:net';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { createApp } from '../../src/http/app.js';
import { Auth } from '../../src/http/auth.js';
import { sha256 } from '../../src/http/key-ring.js';
import { undocumentedOnWire } from '../support/documented.js';
import { startGateway, type TestGateway } from '../support/gateway.js';
import { until } from '../support/process.js';
import { heardFrom, problemIn, SocketServer } from '../support/sockets.js';

const run = promisify(execFile);
const hasPython = await run('python3', ['-c', '']).then(
  () => true,
  () => false,
);

const MAX_BYTES = 1_000_000;
/** More than kernels hold between two ends that do not read. */
const BODY = Buffer.alloc(8 * MAX_BYTES, 1);
const GOOD = 'sluice_good-0123456789abcdef';
const SPENT = 'sluice_spent-0123456789abcdef';
const INFER = '/v2/models/cifar10/infer';

let served: TestGateway;
let server: SocketServer;
beforeAll(async () => {
  served = await startGateway({ lanes: 1 }, undefined, MAX_BYTES);
  const key = (name: string, secret: string, rate?: number) =>
    ({ name, sha256: sha256(secret).toString('hex'), priority: 'interactive', rate }) as const;
  const keys = [key('good', GOOD), key('spent', SPENT, 0.0001)];
  server = await SocketServer.listen(
    createApp({ ...served.deps, auth: new Auth({ keyHashes: [], ratePerSecond: 0, keys }) }),
    // Nobody is cut for being slow: that would hide who waits.
    { minBodyRate: 0 },
  );
  // The only token that it gets while this runs.
  const spend = { headers: { 'X-API-Key': SPENT } };
  expect((await fetch(`http://127.0.0.1:${server.port}/v1/cascades`, spend)).status).toBe(200);
});
afterEach(() => void vi.useRealTimers());
afterAll(async () => {
  await server.close();
  await served.gateway.close();
});

const head = (target: string, more: string, length = BODY.length) =>
  `${target} HTTP/1.1\r\nHost: x\r\nContent-Length: ${length}\r\n${more}\r\n`;

/** Resolves when the kernel has them; rejects when the other end does not take them any more. */
const sent = (socket: Socket, bytes: string | Buffer) =>
  new Promise<void>((resolve, reject) => socket.write(bytes, (error) => (error ? reject(error) : resolve())));

/** Sends all, and only then looks whether an answer is there. @returns it, and what has broken the connection */
async function sendThenRead(first: string): Promise<{ heard: string; broken: string | undefined }> {
  const socket = await server.open();
  let broken: string | undefined;
  socket.on('error', (error) => {
    broken = error.message;
  });
  await sent(socket, first);
  for (let at = 0; at < BODY.length; at += MAX_BYTES) await sent(socket, BODY.subarray(at, at + MAX_BYTES));
  return { heard: await heardFrom(socket), broken };
}

describe('a caller that sends its whole body before it reads', () => {
  const key = (secret: string) => `X-API-Key: ${secret}\r\n`;

  it.each([
    [401, 'POST /v1/classify', ''],
    [404, 'POST /v1/nothing', key(GOOD)],
    [404, 'POST /v1/classify?policy=nope', key(GOOD)],
    [400, 'POST /v1/classify?top=0', key(GOOD)],
    [405, 'PUT /v1/classify', key(GOOD)],
    [405, 'POST /livez', ''],
    [413, 'POST /v1/classify', key(GOOD)],
    [413, 'POST /v1/classify', `${key(GOOD)}Content-Type: multipart/form-data; boundary=b\r\n`],
    [429, 'POST /v1/classify', key(SPENT)],
    [431, 'POST /v1/classify', `${key(GOOD)}${'A: b\r\n'.repeat(120)}`],
    [401, `POST ${INFER}`, ''],
    [404, 'POST /v2/nothing', key(GOOD)],
    [404, 'POST /v2/models/nope/infer', key(GOOD)],
    [405, `PUT ${INFER}`, key(GOOD)],
    [413, `POST ${INFER}`, key(GOOD)],
    [415, `POST ${INFER}`, `${key(GOOD)}Content-Encoding: br\r\n`],
    [429, `POST ${INFER}`, key(SPENT)],
    [431, `POST ${INFER}`, `${key(GOOD)}${'A: b\r\n'.repeat(120)}`],
  ])('and wants the connection closed hears %i for %s', async (status, target, headers) => {
    const { heard, broken } = await sendThenRead(head(target, `Connection: close\r\n${headers}`));
    expect(broken).toBeUndefined();
    expect(heard).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(heard).toMatch(/^connection: close$/im);
    const [method = '', path = ''] = target.replace(/\?.*/, '').split(' ');
    expect(undocumentedOnWire(method, path, heard)).toBeUndefined();
  });

  it.each([
    ['/v1/classify?policy=nope', 404],
    ['/v1/classify', 413],
    ['/v2/models/nope/infer', 404],
    [INFER, 413],
  ])('and keeps its connection has the next answer there: after %s', async (path, status) => {
    const socket = await server.open();
    await sent(socket, head(`POST ${path}`, key(GOOD)));
    await sent(socket, BODY);
    await sent(socket, 'GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    const statuses = [...(await heardFrom(socket)).matchAll(/HTTP\/1.1 (\d+) /g)].map(([, said]) => Number(said));
    expect(statuses).toEqual([status, 200]);
  });

  it.skipIf(!hasPython)("may be Python's own, which closes after one answer", async () => {
    const script = `
import sys, urllib.error, urllib.request
for path in sys.argv[2:]:
    request = urllib.request.Request(sys.argv[1] + path, data=bytes(${BODY.length}))
    try:
        urllib.request.urlopen(request)
    except urllib.error.HTTPError as error:
        print(error.code, error.read().decode())
`;
    const paths = ['/v1/classify', INFER, '/nothing'];
    const { stdout } = await run('python3', ['-c', script, `http://127.0.0.1:${server.port}`, ...paths]);
    const said = stdout.trim().split('\n');
    expect(said.map((line) => line.slice(0, 3))).toEqual(['401', '401', '404']);
    expect(JSON.parse(said[0]!.slice(4))).toMatchObject({ code: 'unauthorized' });
    expect(JSON.parse(said[1]!.slice(4)).error).toContain('API key');
  });
});

describe('a refusal', () => {
  it.each([
    ['POST /nothing', '}'],
    ['HEAD /nothing', '\r\n\r\n'],
  ])('is whole before the body is, and the connection ends with that: %s', async (target, end) => {
    const socket = await server.open();
    let heard = '';
    socket.on('data', (text) => {
      heard += text;
    });
    const ended = new Promise<void>((resolve, reject) => socket.on('end', resolve).on('error', reject));
    await sent(socket, head(target, 'Connection: close\r\n', 10));
    await until('the answer is there', () => heard.endsWith(end));
    expect(heard).toMatch(/^HTTP\/1.1 404 /);
    await sent(socket, '0123456789');
    await ended;
  });

  it.each([
    ['as ever', ''],
    ['that wants it closed', 'Connection: close\r\n'],
  ])('does not keep the connection of a caller that goes on sending: one %s', async (_, more) => {
    const first = `POST /livez HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n${more}\r\n`;
    expect(problemIn(await server.drip(first, '1\r\nx\r\n', 20))).toMatchObject({ status: 405 });
  });

  it('ends the connection at once where the body is held back', async () => {
    // As long as a body was waited for, it would never end.
    vi.useFakeTimers({ toFake: ['setTimeout'] });
    const heard = await server.exchange(head('POST /nothing', 'Connection: close\r\nExpect: 100-continue\r\n'));
    expect(problemIn(heard)).toMatchObject({ status: 404 });
  });
});
