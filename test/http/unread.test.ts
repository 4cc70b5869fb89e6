/** Callers that ask and do not read: what waits for them is little, and not for ever. */

import { mkdtemp, rm } from 'node:fs/promises';
import type { RequestListener, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { SocketLimits } from '../../src/http/socket-limits.js';
import { loadTls, type TlsMaterial } from '../../src/http/tls.js';
import { certificate, hasOpenssl } from '../support/certificate.js';
import { until } from '../support/process.js';
import { heardFrom, opened, problemIn, SocketServer } from '../support/sockets.js';

const ASK = 'GET /large HTTP/1.1\r\nHost: x\r\n\r\n';
/** More than kernels hold for a caller that does not read. */
const LARGE = Buffer.alloc(60_000_000, 'x');

let server: SocketServer;
const asked: ServerResponse[] = [];

afterEach(async () => {
  vi.useRealTimers();
  vi.restoreAllMocks();
  await server.close();
});

async function listen(app: RequestListener, limits: Partial<SocketLimits> = {}, tls?: TlsMaterial): Promise<void> {
  asked.length = 0;
  const counting: RequestListener = (request, response) => {
    asked.push(response);
    app(request, response);
  };
  server = await SocketServer.listen(counting, limits, tls);
}

const large: RequestListener = (_request, response) => void response.end(LARGE);

describe('pipelined requests', () => {
  it('are answered, eight at a time', async () => {
    await listen((_request, response) => void setTimeout(() => response.end('{}'), 20));
    const socket = await server.open();
    const heard = heardFrom(socket);
    socket.write(ASK.repeat(7) + ASK.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'));
    expect((await heard).match(/HTTP\/1.1 200/g)).toHaveLength(8);
    expect(server.cuts).toEqual([]);
  });

  it('of a caller that sends more of them than that end its connection, and no further one is begun', async () => {
    await listen(large);
    const socket = await server.open();
    const heard = heardFrom(socket);
    socket.write(ASK.repeat(1700));
    await heard;
    expect(server.cuts).toEqual(['pipelined']);
    expect(asked).toHaveLength(8);
  });
});

describe('an answer that nobody reads', () => {
  /** Sweeps that are due at once, with time for what they find to be sent. */
  async function sweeps(count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      vi.advanceTimersByTime(1000);
      await sleep(10);
    }
  }

  /** Reads so many bytes, or a few more, and no further. */
  async function taken(socket: Socket, bytes: number): Promise<void> {
    let left = bytes;
    await new Promise<void>((resolve) => {
      const take = (chunk: Buffer) => {
        left -= chunk.length;
        if (left > 0) return;
        socket.off('data', take).pause();
        resolve();
      };
      socket.on('data', take).resume();
    });
  }

  async function unread(connect: () => Promise<Socket>): Promise<void> {
    const socket = await connect();
    server.sockets.push(socket.on('error', () => {}));
    socket.pause();
    socket.write(ASK);
    await until('it was asked', () => asked.at(-1)?.writableEnded === true);
    await sleep(100);
    await sweeps(15);
    expect(server.cuts).toEqual([]);
    await sweeps(2);
    expect(server.cuts).toEqual(['unread']);
    await until('its connection is gone', () => server.connections === 0);
    // Whoever takes a little of it now and then is slow, and no more.
    const slow = await connect();
    server.sockets.push(slow.on('error', () => {}));
    slow.pause();
    slow.write(ASK);
    await until('it was asked', () => asked.length === 2 && asked[1]!.writableEnded);
    for (let i = 0; i < 3; i++) {
      await sweeps(10);
      // So much that the kernel tells the sender at once that there is room again: sweeps are not seconds here.
      await taken(slow, 8_000_000);
    }
    expect(asked[1]!.writableFinished).toBe(false);
    expect(server.cuts).toEqual(['unread']);
  }

  it('is kept for fifteen looks in a row, and for a slow reader as long as it reads', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    await listen(large);
    await unread(() => opened(server.port));
  });

  it.skipIf(!hasOpenssl)('the same over TLS', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'sluice-unread-'));
    const pair = await certificate(folder, 'unread');
    const { material } = await loadTls(pair);
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    await listen(large, {}, material);
    await unread(async () => {
      const socket = connectTls({ port: server.port, host: '127.0.0.1', rejectUnauthorized: false });
      await new Promise((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject));
      return socket;
    });
    await rm(folder, { recursive: true });
  });

  it('makes room for a newcomer after five seconds; one that is still made does not', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const [now, later] = [performance.now.bind(performance), { ms: 0 }];
    vi.spyOn(performance, 'now').mockImplementation(() => now() + later.ms);
    await listen((request, response) => (request.url === '/large' ? large(request, response) : undefined), {
      connections: 2,
    });
    const [reader, waiter] = [await server.open(), await server.open()];
    reader.pause();
    reader.write(ASK);
    waiter.write('GET /never HTTP/1.1\r\nHost: x\r\n\r\n');
    await until('both are asked for', () => asked.length === 2);
    await sweeps(1);
    later.ms = 4000;
    expect(problemIn(await server.exchange(ASK))).toMatchObject({ status: 503, code: 'overloaded' });
    later.ms = 6000;
    await server.open();
    await until('one was cut', () => server.cuts.length > 1);
    expect(server.cuts).toEqual(['full', 'made_room']);
    await until('it is the one that does not read', () => asked[0]!.destroyed);
    expect(asked[1]!.destroyed).toBe(false);
  });
});
