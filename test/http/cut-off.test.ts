/** Requests that are cut off or refused before an app has seen them, on real sockets. */

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { SocketLimits } from '../../src/http/socket-limits.js';
import { ErrorResponse } from '../../src/http/v2/schema.js';
import { undocumentedOnWire } from '../support/documented.js';
import { startGateway, type TestGateway } from '../support/gateway.js';
import { until } from '../support/process.js';
import { problemIn, SocketServer } from '../support/sockets.js';

let served: TestGateway;
let server: SocketServer;
beforeAll(async () => {
  served = await startGateway({ lanes: 1 });
});
afterEach(() => server.close());
afterAll(() => served.gateway.close());

const listen = (limits: Partial<SocketLimits> = {}) => SocketServer.listen(served.app, limits);
const head = (more: string, path = '/v1/classify') => `POST ${path} HTTP/1.1\r\nHost: x\r\n${more}\r\n`;
const INFER = '/v2/models/cifar10/infer';

/** Status and sentence of an error of the Open Inference Protocol, held against the document. */
function errorIn(heard: string): string {
  expect(undocumentedOnWire('POST', INFER, heard)).toBeUndefined();
  const [headers = '', body = ''] = heard.split('\r\n\r\n');
  expect(headers).toMatch(/^content-type: application\/json\b/im);
  return `${headers.split(' ')[1]} ${ErrorResponse.parse(JSON.parse(body)).error}`;
}

describe('cut off with 408', () => {
  it('a head that never ends, byte by byte', async () => {
    server = await listen({ headersMs: 300 });
    const { status, code, headers } = problemIn(await server.drip('POST /v1/classify HTTP/1.1\r\nX-a: ', 'b', 20));
    expect([status, code]).toEqual([408, 'request_timeout']);
    expect(headers).toMatch(/^content-type: application\/problem\+json/im);
    expect(headers).toMatch(/^x-content-type-options: nosniff$/im);
    expect(headers).toMatch(/^connection: close$/im);
    expect(server.cuts).toEqual(['timeout']);
  });

  it('a connection that says nothing', async () => {
    server = await listen({ headersMs: 300 });
    expect(problemIn(await server.exchange())).toMatchObject({ status: 408, code: 'request_timeout' });
  });

  it.each([
    ['/v1/classify', 1],
    [INFER, 2],
  ])('a body for %s that takes longer than a request may, and it is counted as that', async (path, sofar) => {
    server = await listen({ headersMs: 200, requestMs: 400 });
    const heard = await server.drip(head('Content-Length: 1000\r\n', path), 'x', 20);
    if (path === INFER) expect(errorIn(heard)).toMatch(/^408 the whole request has to come within 400 ms/);
    else expect(problemIn(heard)).toMatchObject({ status: 408, code: 'request_timeout' });
    const counted = async () => (await served.deps.metrics.registry.metrics()).includes(`code="408"} ${sofar}\n`);
    await until('it is counted', counted);
  });

  it('chunks that never end', async () => {
    server = await listen({ headersMs: 200, requestMs: 400 });
    const heard = await server.drip(head('Transfer-Encoding: chunked\r\n'), '1\r\nx\r\n', 20);
    expect(problemIn(heard)).toMatchObject({ status: 408, code: 'request_timeout' });
  });

  it('a body that comes too slowly', async () => {
    server = await listen({ minBodyRate: 1000 });
    const heard = await server.drip(head('Content-Length: 100000\r\n'), 'x', 100);
    expect(problemIn(heard).detail).toContain('1000 bytes a second');
    expect(server.cuts).toEqual(['slow_body']);
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
    server = await listen({ headerBytes: 2048, headers: 50 });
    const answer = problemIn(await server.exchange(sent));
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
    server = await listen({ headerBytes: 2048, headers: 50 });
    expect(errorIn(await server.exchange(sent))).toMatch(said);
  });

  it('as a problem where the next head on a connection of /v2 never ends: its address is not known', async () => {
    server = await listen({ headersMs: 300 });
    const heard = await server.drip(
      'GET /v2/health/live HTTP/1.1\r\nHost: x\r\n\r\nPOST /v2 HTTP/1.1\r\nX-a: ',
      'b',
      20,
    );
    expect(problemIn(heard.slice(heard.lastIndexOf('HTTP/1.1 ')))).toMatchObject({ status: 408 });
  });

  it('413 for chunks beyond the largest picture, however long they go on', async () => {
    server = await listen();
    const chunk = `100000\r\n${'x'.repeat(1 << 20)}\r\n`;
    const heard = await server.exchange(
      head('Transfer-Encoding: chunked\r\n'),
      ...Array.from({ length: 25 }, () => chunk),
    );
    expect(problemIn(heard)).toMatchObject({ status: 413, code: 'too_many_bytes' });
  });
});
