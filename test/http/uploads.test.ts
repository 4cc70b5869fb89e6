/** Bodies that others wait for the memory of, on real sockets. */

import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createApp } from '../../src/http/app.js';
import { startGateway, type TestGateway } from '../support/gateway.js';
import { until } from '../support/process.js';
import { heardFrom, problemIn, SocketServer } from '../support/sockets.js';

let served: TestGateway;
let server: SocketServer;
beforeAll(async () => {
  served = await startGateway({ lanes: 1 });
});
afterEach(() => server.close());
afterAll(() => served.gateway.close());

const head = (more: string, path = '/v1/classify') => `POST ${path} HTTP/1.1\r\nHost: x\r\n${more}\r\n`;
const PART = '--b\r\nContent-Disposition: form-data; name="image"; filename="x"\r\n\r\n';
const INFER = '/v2/models/cifar10/infer';

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
    server = await SocketServer.listen(createApp({ ...served.deps, maxBytes: 100_000, uploadBytes: 100_000 }));
    const socket = await server.open();
    const heard = heardFrom(socket);
    socket.write(first);
    socket.write(rest);
    await sleep(100);
    const other = await server.open();
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
