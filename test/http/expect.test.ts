/** `Expect: 100-continue`, on real sockets. */

import type { Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { HttpServer } from '../../src/http/server.js';
import { SOCKET_LIMITS } from '../../src/http/socket-limits.js';
import { LENGTH_HEADER } from '../../src/http/v2/binary.js';
import { startGateway, type TestGateway } from '../support/gateway.js';
import { jpeg } from '../support/pictures.js';
import { until } from '../support/process.js';
import { exchange, heardFrom, opened } from '../support/sockets.js';

let served: TestGateway;
let picture: Buffer;
let server: HttpServer;
let port: number;
const sockets: Socket[] = [];

beforeAll(async () => {
  served = await startGateway({ lanes: 1 });
  picture = await jpeg();
  server = new HttpServer(served.app, { host: '127.0.0.1', port: 0, limits: { ...SOCKET_LIMITS, headers: 50 } });
  port = Number(new URL(await server.listen()).port);
});
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
});
afterAll(async () => {
  await server.close(0);
  await served.gateway.close();
});

const INFER = '/v2/models/cifar10/infer';
const head = (more: string, path = '/v1/classify') =>
  `POST ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${more}\r\n`;
const PART = '--b\r\nContent-Disposition: form-data; name="image"; filename="x"\r\n\r\n';

describe('a caller that holds its body back until it is asked for it', () => {
  const expecting = (path: string, length: number, more = '') =>
    head(`Expect: 100-continue\r\nContent-Length: ${length}\r\n${more}`, path);

  it.each([
    ['a wrong name', expecting('/v1/classify?policy=nope', 1000), 404],
    ['too many bytes', expecting('/v1/classify', 1e9), 413],
    [
      'a form of too many bytes',
      expecting('/v1/classify', 1e9, 'Content-Type: multipart/form-data; boundary=b\r\n'),
      413,
    ],
    ['an address that is none', expecting('/v1/nothing', 1000), 404],
    ['a model that is none', expecting('/v2/models/dogs/infer', 1000), 404],
    ['too many bytes for /v2', expecting(INFER, 1e9), 413],
    ['too many headers', expecting('/v1/classify', 1000, 'A: b\r\n'.repeat(60)), 431],
  ])('is refused without that for %s', async (_, sent, status) => {
    expect(await exchange(port, sent)).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
  });

  it.each([
    ['as it is', '/v1/classify', '', (bytes: Buffer) => bytes],
    [
      'in a form',
      '/v1/classify',
      'Content-Type: multipart/form-data; boundary=b\r\n',
      (bytes: Buffer) => Buffer.concat([Buffer.from(PART), bytes, Buffer.from('\r\n--b--\r\n')]),
    ],
    ['for /v2', INFER, `${LENGTH_HEADER}: 0\r\n`, (bytes: Buffer) => bytes],
    ['for /v2, packed', INFER, `${LENGTH_HEADER}: 0\r\nContent-Encoding: gzip\r\n`, (bytes: Buffer) => gzipSync(bytes)],
  ])('is asked for it once, and answered: %s', async (_, path, more, made) => {
    const body = made(picture);
    const socket = await opened(port);
    sockets.push(socket);
    const heard = heardFrom(socket);
    socket.write(expecting(path, body.length, more));
    await until('it is asked', () => socket.bytesRead > 0);
    socket.write(body);
    expect(await heard).toMatch(/^HTTP\/1.1 100 Continue\r\n\r\nHTTP\/1.1 200 OK\r\n/);
  });

  it('is answered as ever where it expects something else', async () => {
    const sent = head(`Expect: wonders\r\nContent-Length: ${picture.length}\r\n`);
    expect(await exchange(port, sent, picture)).toMatch(/^HTTP\/1.1 200 OK\r\n/);
  });
});
