/** The limits of connections, on real sockets. */

import type { Socket } from 'node:net';
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { SocketLimits } from '../../src/http/socket-limits.js';
import { startGateway, type TestGateway } from '../support/gateway.js';
import { jpeg } from '../support/pictures.js';
import { until } from '../support/process.js';
import { heardFrom, problemIn, SocketServer } from '../support/sockets.js';

let served: TestGateway;
let picture: Buffer;
let server: SocketServer;
beforeAll(async () => {
  served = await startGateway({ lanes: 1 });
  picture = await jpeg();
});
afterEach(() => server.close());
afterAll(() => served.gateway.close());

const listen = (limits: Partial<SocketLimits> = {}) => SocketServer.listen(served.app, limits);

const classify = async () => {
  const url = `http://127.0.0.1:${server.port}/v1/classify`;
  const response = await fetch(url, { method: 'POST', body: new Uint8Array(picture) });
  await response.arrayBuffer();
  return response.status;
};

describe('kept-alive connections', () => {
  const request = 'GET /livez HTTP/1.1\r\nHost: x\r\n\r\n';

  it('are closed after their last request, with its answer', async () => {
    server = await listen({ requestsPerConnection: 2 });
    const socket = await server.open();
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
    server = await listen({ keepAliveMs: 100 });
    const heard = await server.exchange(request);
    expect(heard.match(/HTTP\/1.1 /g)).toHaveLength(1);
    expect(server.cuts).toEqual([]);
  });
});

describe('while the server closes', () => {
  it('a kept-alive connection whose next request lies in the kernel is answered before it goes', async () => {
    server = await listen();
    const socket = await server.open();
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
    server = await listen({ connections: 75 });
    const loris: Socket[] = [];
    const drips = setInterval(() => {
      for (const socket of loris) if (socket.writable) socket.write('b');
    }, 50);
    const statuses = [];
    for (let wave = 0; wave < 4; wave++) {
      const more = await Promise.all(Array.from({ length: 75 }, () => server.open()));
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
    expect(server.cuts.length).toBeGreaterThanOrEqual(225);
    // Where a wave comes in one go, a few of them may find nobody who could go.
    expect(server.cuts.filter((reason) => reason === 'made_room').length).toBeGreaterThanOrEqual(200);
    expect(server.cuts.every((reason) => ['made_room', 'full'].includes(reason))).toBe(true);
  });

  it('one that is turned away hears 503 and when to come back', async () => {
    server = await listen({ connections: 2 });
    for (let i = 0; i < 2; i++) {
      const socket = await server.open();
      socket.write('POST /v1/classify HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\nExpect: 100-continue\r\n\r\n');
      await until('its head was read', () => socket.bytesRead > 0);
    }
    // Bodies that have just begun are no reason to turn anybody out.
    const answer = problemIn(await server.exchange('GET /livez HTTP/1.1\r\nHost: x\r\n\r\n'));
    expect(answer).toMatchObject({ status: 503, code: 'overloaded' });
    expect(answer.headers).toMatch(/^retry-after: 1$/im);
    expect(server.cuts).toEqual(['full']);
  });

  it('an address that has all that it may have hears 429', async () => {
    server = await listen({ connectionsPerAddress: 2 });
    await server.open();
    await server.open();
    await until('both are in', () => server.connections === 2);
    expect(problemIn(await server.exchange())).toMatchObject({ status: 429, code: 'rate_limited' });
    for (const socket of server.sockets) socket.destroy();
    await until('they have left', () => server.connections === 0);
    expect(await classify()).toBe(200);
  });
});
