/** The limits of connections, on real sockets. */

import type { Socket } from 'node:net';
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createApp } from '../../src/http/app.js';
import { HttpServer } from '../../src/http/server.js';
import { SOCKET_LIMITS, type SocketLimits } from '../../src/http/socket-limits.js';
import { ErrorResponse } from '../../src/http/v2/schema.js';
import { undocumentedOnWire } from '../support/documented.js';
import { startGateway, type TestGateway } from '../support/gateway.js';
import { jpeg } from '../support/pictures.js';
import { until } from '../support/process.js';
import { exchange, heardFrom, opened, problemIn } from '../support/sockets.js';

let served: TestGateway;
let picture: Buffer;
let server: HttpServer;
let port: number;
const cuts: string[] = [];
const sockets: Socket[] = [];

beforeAll(async () => {
  served = await startGateway({ lanes: 1 });
  picture = await jpeg();
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await server.close(0);
});
afterAll(() => served.gateway.close());

async function listen(limits: Partial<SocketLimits>, app = served.app): Promise<void> {
  cuts.length = 0;
  server = new HttpServer(app, {
    host: '127.0.0.1',
    port: 0,
    limits: { ...SOCKET_LIMITS, ...limits },
    onCut: (reason) => cuts.push(reason),
  });
  port = Number(new URL(await server.listen()).port);
}

async function open(): Promise<Socket> {
  const socket = await opened(port);
  sockets.push(socket);
  return socket;
}

const classify = async () => {
  const url = `http://127.0.0.1:${port}/v1/classify`;
  const response = await fetch(url, { method: 'POST', body: new Uint8Array(picture) });
  await response.arrayBuffer();
  return response.status;
};
const head = (more: string, path = '/v1/classify') => `POST ${path} HTTP/1.1\r\nHost: x\r\n${more}\r\n`;
const PART = '--b\r\nContent-Disposition: form-data; name="image"; filename="x"\r\n\r\n';
const INFER = '/v2/models/cifar10/infer';

/** Status and sentence of an error of the Open Inference Protocol, held against the document. */
function errorIn(heard: string): string {
  expect(undocumentedOnWire('POST', INFER, heard)).toBeUndefined();
  const [headers = '', body = ''] = heard.split('\r\n\r\n');
  expect(headers).toMatch(/^content-type: application\/json\b/im);
  return `${headers.split(' ')[1]} ${ErrorResponse.parse(JSON.parse(body)).error}`;
}

/** Sends a byte now and then until the server closes. */
async function drip(first: string, byte: string, everyMs: number): Promise<string> {
  const socket = await open();
  const heard = heardFrom(socket);
  socket.write(first);
  const timer = setInterval(() => socket.write(byte), everyMs);
  const said = await heard;
  clearInterval(timer);
  return said;
}

describe('cut off with 408', () => {
  it('a head that never ends, byte by byte', async () => {
    await listen({ headersMs: 300 });
    const { status, code, headers } = problemIn(await drip('POST /v1/classify HTTP/1.1\r\nX-a: ', 'b', 20));
    expect([status, code]).toEqual([408, 'request_timeout']);
    expect(headers).toMatch(/^content-type: application\/problem\+json/im);
    expect(headers).toMatch(/^x-content-type-options: nosniff$/im);
    expect(headers).toMatch(/^connection: close$/im);
    expect(cuts).toEqual(['timeout']);
  });

  it('a connection that says nothing', async () => {
    await listen({ headersMs: 300 });
    expect(problemIn(await exchange(port))).toMatchObject({ status: 408, code: 'request_timeout' });
  });

  it.each([
    ['/v1/classify', 1],
    [INFER, 2],
  ])('a body for %s that takes longer than a request may, and it is counted as that', async (path, sofar) => {
    await listen({ headersMs: 200, requestMs: 400 });
    const heard = await drip(head('Content-Length: 1000\r\n', path), 'x', 20);
    if (path === INFER) expect(errorIn(heard)).toMatch(/^408 the whole request has to come within 400 ms/);
    else expect(problemIn(heard)).toMatchObject({ status: 408, code: 'request_timeout' });
    const counted = async () => (await served.deps.metrics.registry.metrics()).includes(`code="408"} ${sofar}\n`);
    await until('it is counted', counted);
  });

  it('chunks that never end', async () => {
    await listen({ headersMs: 200, requestMs: 400 });
    const heard = await drip(head('Transfer-Encoding: chunked\r\n'), '1\r\nx\r\n', 20);
    expect(problemIn(heard)).toMatchObject({ status: 408, code: 'request_timeout' });
  });

  it('a body that comes too slowly', async () => {
    await listen({ minBodyRate: 1000 });
    const heard = await drip(head('Content-Length: 100000\r\n'), 'x', 100);
    expect(problemIn(heard).detail).toContain('1000 bytes a second');
    expect(cuts).toEqual(['slow_body']);
  });
});

describe('bodies that others wait for the memory of', () => {
  const MANY = 'Content-Length: 90000\r\n';
  const zipped = gzipSync(Buffer.alloc(90_000), { level: 9 });

  it.each([
    ['as it is', head(MANY), 'x'.repeat(80_000)],
    ['in a form', head(`${MANY}Content-Type: multipart/form-data; boundary=b\r\n`), `${PART}${'x'.repeat(80_000)}`],
    [
      'packed, with its end held back',
      head(`Content-Length: ${zipped.length}\r\nContent-Encoding: gzip\r\n`, INFER),
      zipped.subarray(0, -1),
    ],
  ])('make room when they are the oldest: sent %s', async (_, first, rest) => {
    await listen({}, createApp({ ...served.deps, maxBytes: 100_000, uploadBytes: 100_000 }));
    const socket = await open();
    const heard = heardFrom(socket);
    socket.write(first);
    socket.write(rest);
    await sleep(100);
    const other = await open();
    const next = heardFrom(other);
    other.write(head('Content-Length: 60000\r\nConnection: close\r\n'));
    other.write('y'.repeat(50_000));
    await until('the first makes room', () => socket.bytesRead > 0);
    socket.end();
    const said = await heard;
    expect(said).toMatch(/^HTTP\/1.1 503 /);
    expect(said).toMatch(/^retry-after: 1$/im);
    expect(said).toContain('these came the slowest');
    other.write('y'.repeat(10_000));
    expect(problemIn(await next)).toMatchObject({ status: 415, code: 'unsupported_format' });
  });
});

describe('refused at the edge, as a problem', () => {
  it.each([
    ['431 for a head that is too long', head(`X-a: ${'b'.repeat(3000)}\r\n`), 431, 'headers_too_large'],
    [
      '431 for a target that is too long',
      `GET /${'a'.repeat(3000)} HTTP/1.1\r\nHost: x\r\n\r\n`,
      431,
      'headers_too_large',
    ],
    ['431 for too many headers', head(`Connection: close\r\n${'A: b\r\n'.repeat(60)}`), 431, 'headers_too_large'],
    [
      '413 for chunk extensions',
      `${head('Transfer-Encoding: chunked\r\n')}1;${'a'.repeat(20_000)}`,
      413,
      'too_many_bytes',
    ],
    ['400 for what is not HTTP', '\x16\x03\x01\x02\x00', 400, 'bad_request'],
    ['400 for two lengths', head('Content-Length: 1\r\nContent-Length: 2\r\n'), 400, 'bad_request'],
    ['400 for a length and chunks', head('Content-Length: 1\r\nTransfer-Encoding: chunked\r\n'), 400, 'bad_request'],
    ['400 for a line that is folded', 'GET / HTTP/1.1\r\n Host: x\r\n\r\n', 400, 'bad_request'],
    ['400 without a host', 'GET /livez HTTP/1.1\r\nConnection: close\r\n\r\n', 400, 'bad_request'],
  ])('%s', async (_, sent, status, code) => {
    await listen({ headerBytes: 2048, headers: 50 });
    const answer = problemIn(await exchange(port, sent));
    expect(answer).toMatchObject({ status, code });
    expect(answer.headers).toMatch(/^content-security-policy: default-src 'none'/im);
  });

  it.each([
    ['431 for too many headers', head(`Connection: close\r\n${'A: b\r\n'.repeat(60)}`, INFER), /^431 .* 50 headers/],
    ['400 without a host', `POST ${INFER} HTTP/1.1\r\nConnection: close\r\n\r\n`, /^400 .* no host/],
    [
      '413 for chunk extensions',
      `${head('Transfer-Encoding: chunked\r\n', INFER)}1;${'a'.repeat(20_000)}`,
      /^413 .* extensions/,
    ],
    ['400 for a chunk that is none', `${head('Transfer-Encoding: chunked\r\n', INFER)}none\r\n`, /^400 .*HTTP/],
  ])('below /v2 in the shape of the protocol there: %s', async (_, sent, said) => {
    await listen({ headerBytes: 2048, headers: 50 });
    expect(errorIn(await exchange(port, sent))).toMatch(said);
  });

  it('as a problem where the next head on a connection of /v2 never ends: its address is not known', async () => {
    await listen({ headersMs: 300 });
    const heard = await drip('GET /v2/health/live HTTP/1.1\r\nHost: x\r\n\r\nPOST /v2 HTTP/1.1\r\nX-a: ', 'b', 20);
    expect(problemIn(heard.slice(heard.lastIndexOf('HTTP/1.1 ')))).toMatchObject({ status: 408 });
  });

  it('413 for chunks beyond the largest picture, however long they go on', async () => {
    await listen({});
    const chunk = `100000\r\n${'x'.repeat(1 << 20)}\r\n`;
    const heard = await exchange(
      port,
      head('Transfer-Encoding: chunked\r\n'),
      ...Array.from({ length: 25 }, () => chunk),
    );
    expect(problemIn(heard)).toMatchObject({ status: 413, code: 'too_many_bytes' });
  });
});

describe('a body that nobody wants', () => {
  it('does not keep its connection after the answer', async () => {
    await listen({});
    const heard = await drip('POST /livez HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n', '1\r\nx\r\n', 20);
    expect(problemIn(heard)).toMatchObject({ status: 405 });
  });
});

describe('kept-alive connections', () => {
  const request = 'GET /livez HTTP/1.1\r\nHost: x\r\n\r\n';

  it('are closed after their last request, with its answer', async () => {
    await listen({ requestsPerConnection: 2 });
    const socket = await open();
    const heard = heardFrom(socket);
    socket.write(request);
    await until('one is answered', () => socket.bytesRead > 0);
    socket.write(request);
    const [first, second, ...more] = (await heard).split('HTTP/1.1 200 OK').slice(1);
    expect(more).toEqual([]);
    expect(first).toMatch(/connection: keep-alive/i);
    expect(second).toMatch(/connection: close/i);
  });

  it('are closed without a word when no further request comes', async () => {
    await listen({ keepAliveMs: 100 });
    const heard = await exchange(port, request);
    expect(heard.match(/HTTP\/1.1 /g)).toHaveLength(1);
    expect(cuts).toEqual([]);
  });
});

describe('while the server closes', () => {
  it('a kept-alive connection whose next request lies in the kernel is answered before it goes', async () => {
    await listen({});
    const socket = await open();
    const heard = heardFrom(socket);
    const request = `GET /livez HTTP/1.1\r\nHost: x\r\n\r\n`;
    socket.write(request);
    await new Promise((resolve) => socket.once('data', resolve));
    const closed = server.close(5000);
    await sleep(100);
    // The process is busy until long after it should have looked for idle connections: it does that first, before it reads.
    await turn();
    socket.write(request);
    for (const until = performance.now() + 500; performance.now() < until; );
    await closed;
    const answers = (await heard).match(/HTTP\/1.1 200 OK/g);
    expect(answers).toHaveLength(2);
  });
});

describe('with more connections than may be open', () => {
  it('300 that never finish a head lock nobody out: they make room', async () => {
    await listen({ connections: 75 });
    const loris: Socket[] = [];
    const drips = setInterval(() => {
      for (const socket of loris) if (socket.writable) socket.write('b');
    }, 50);
    const statuses = [];
    for (let wave = 0; wave < 4; wave++) {
      const more = await Promise.all(Array.from({ length: 75 }, open));
      for (const socket of more) {
        socket.on('error', () => {});
        socket.write('POST /v1/classify HTTP/1.1\r\nHost: x\r\nX-a: ');
      }
      loris.push(...more);
      await sleep(300);
      for (let i = 0; i < 5; i++) statuses.push(await classify());
    }
    clearInterval(drips);
    expect(new Set(statuses)).toEqual(new Set([200]));
    expect(server.connections).toBeLessThanOrEqual(75);
    expect(cuts.length).toBeGreaterThanOrEqual(225);
    // Where a wave comes in one go, a few of them may find nobody who could go.
    expect(cuts.filter((reason) => reason === 'made_room').length).toBeGreaterThanOrEqual(200);
    expect(cuts.every((reason) => ['made_room', 'full'].includes(reason))).toBe(true);
  });

  it('one that is turned away hears 503 and when to come back', async () => {
    await listen({ connections: 2 });
    for (let i = 0; i < 2; i++) {
      const socket = await open();
      socket.write(head('Content-Length: 1000\r\nExpect: 100-continue\r\n'));
      await until('its head was read', () => socket.bytesRead > 0);
    }
    // Bodies that have just begun are no reason to turn anybody out.
    const answer = problemIn(await exchange(port, 'GET /livez HTTP/1.1\r\nHost: x\r\n\r\n'));
    expect(answer).toMatchObject({ status: 503, code: 'overloaded' });
    expect(answer.headers).toMatch(/^retry-after: 1$/im);
    expect(cuts).toEqual(['full']);
  });

  it('an address that has all that it may have hears 429', async () => {
    await listen({ connectionsPerAddress: 2 });
    await open();
    await open();
    await until('both are in', () => server.connections === 2);
    expect(problemIn(await exchange(port))).toMatchObject({ status: 429, code: 'rate_limited' });
    for (const socket of sockets) socket.destroy();
    await until('they have left', () => server.connections === 0);
    expect(await classify()).toBe(200);
  });
});
