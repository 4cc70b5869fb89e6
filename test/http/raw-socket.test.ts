/** What fetch and supertest hide: bodies in the smallest pieces. */

import { createServer, type Server } from 'node:http';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { undocumentedOnWire } from '../support/documented.js';
import { startGateway, type TestGateway } from '../support/gateway.js';
import { jpeg } from '../support/pictures.js';
import { until } from '../support/process.js';
import { heardFrom, opened } from '../support/sockets.js';

const MAX_BYTES = 1_000_000;
let served: TestGateway;
let server: Server;
beforeAll(async () => {
  served = await startGateway({ lanes: 1 }, undefined, MAX_BYTES);
  server = createServer(served.app).listen(0);
});
afterAll(async () => {
  server.close();
  server.closeAllConnections();
  await served.gateway.close();
});

/** Writes all pieces one after another, and looks at the answer only when the last is written. */
async function sendThenRead(pieces: readonly (string | Buffer)[]): Promise<string> {
  const socket = connect((server.address() as { port: number }).port, '127.0.0.1');
  socket.setNoDelay(true);
  for (const piece of pieces)
    await new Promise<void>((resolve, reject) => socket.write(piece, (e) => (e ? reject(e) : resolve())));
  let heard = '';
  for await (const chunk of socket) {
    heard += chunk;
    if (/\r\n\r\n.*\}$/s.test(heard) || heard.endsWith('0\r\n\r\n')) break;
  }
  socket.destroy();
  expect(undocumentedOnWire('POST', '/v1/classify', heard)).toBeUndefined();
  return heard;
}

describe('a body in chunks of one byte', () => {
  it('is the same picture', async () => {
    const picture = await jpeg();
    const head = 'POST /v1/classify?policy=full HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n';
    const chunks = Array.from(picture, (byte) =>
      Buffer.concat([Buffer.from('1\r\n'), Buffer.from([byte]), Buffer.from('\r\n')]),
    );
    const answer = await sendThenRead([head, ...chunks, '0\r\n\r\n']);
    expect(answer).toMatch(/^HTTP\/1.1 200 /);
    expect(answer).toContain('"reason":"final"');
  });

  it.each([
    ['as it is', '/v1/classify', ''],
    ['in a form', '/v1/classify', 'Content-Type: multipart/form-data; boundary=b\r\n'],
    ['of an inference request', '/v2/models/cifar10/infer', ''],
    ['packed', '/v2/models/cifar10/infer', 'Content-Encoding: gzip\r\n'],
  ])('ends its connection after a thousand: %s', async (_, path, headers) => {
    const socket = await opened((server.address() as { port: number }).port);
    const heard = heardFrom(socket);
    const refused = async () => {
      const text = await served.deps.metrics.registry.getSingleMetricAsString('sluice_requests_total');
      return [...text.matchAll(/code="400"} (\d+)/g)].reduce((sum, [, count]) => sum + Number(count), 0);
    };
    const before = await refused();
    socket.write(`POST ${path} HTTP/1.1\r\nHost: x\r\n${headers}Transfer-Encoding: chunked\r\n\r\n`);
    // The first of what gzip has, and of nothing else.
    for (let i = 0; i < 20; i++) socket.write('1\r\n\x1f\r\n'.repeat(100));
    expect(await heard).toBe('');
    await until('it is counted as what it is', async () => (await refused()) === before + 1);
  });
});
