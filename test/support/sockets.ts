/** Raw sockets: what fetch and supertest cannot send. */

import type { RequestListener } from 'node:http';
import { connect, type Socket } from 'node:net';
import { HttpServer } from '../../src/http/server.js';
import { SOCKET_LIMITS, type SocketLimits } from '../../src/http/socket-limits.js';
import type { TlsMaterial } from '../../src/http/tls.js';

/** Everything that the server says until it closes the connection. */
export function heardFrom(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    let heard = '';
    socket.setEncoding('latin1').on('data', (text: string) => {
      heard += text;
    });
    // Reset: what was heard before counts.
    socket.on('error', () => {});
    socket.on('close', () => resolve(heard));
  });
}

export async function opened(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject));
  return socket;
}

/** Sends the pieces, and says all that came back until the server closed. */
export async function exchange(port: number, ...pieces: readonly (string | Buffer)[]): Promise<string> {
  const socket = await opened(port);
  const heard = heardFrom(socket);
  for (const piece of pieces) socket.write(piece);
  return heard;
}

/** Status and problem of an answer as it came over a socket. */
export function problemIn(heard: string): { status: number; code: string; detail: string; headers: string } {
  const [headers = '', body = ''] = heard.split('\r\n\r\n');
  const { code, detail } = JSON.parse(body);
  return { status: Number(/^HTTP\/1.1 (\d+) /.exec(headers)?.[1]), code, detail, headers };
}

/** A server on a free port, what it has cut, and the sockets that a test opens to it: all are gone when it is closed. */
export class SocketServer {
  readonly cuts: string[] = [];
  readonly sockets: Socket[] = [];
  readonly #server: HttpServer;
  #port = 0;

  private constructor(app: RequestListener, limits: Partial<SocketLimits>, tls: TlsMaterial | undefined) {
    this.#server = new HttpServer(app, {
      host: '127.0.0.1',
      port: 0,
      limits: { ...SOCKET_LIMITS, ...limits },
      tls,
      onCut: (reason) => this.cuts.push(reason),
    });
  }

  static async listen(
    app: RequestListener,
    limits: Partial<SocketLimits> = {},
    tls?: TlsMaterial,
  ): Promise<SocketServer> {
    const server = new SocketServer(app, limits, tls);
    server.#port = Number(new URL(await server.#server.listen()).port);
    return server;
  }

  get port(): number {
    return this.#port;
  }

  /** Open at the server. */
  get connections(): number {
    return this.#server.connections;
  }

  async open(): Promise<Socket> {
    const socket = await opened(this.port);
    this.sockets.push(socket);
    return socket;
  }

  exchange(...pieces: readonly (string | Buffer)[]): Promise<string> {
    return exchange(this.port, ...pieces);
  }

  /** Sends a byte now and then until the server closes. @returns all that it said */
  async drip(first: string, byte: string, everyMs: number): Promise<string> {
    const socket = await this.open();
    const heard = heardFrom(socket);
    socket.write(first);
    const timer = setInterval(() => socket.write(byte), everyMs);
    const said = await heard;
    clearInterval(timer);
    return said;
  }

  /** @param withinMs that its callers have; without, they are cut */
  async close(withinMs = 0): Promise<void> {
    if (withinMs === 0) for (const socket of this.sockets.splice(0)) socket.destroy();
    await this.#server.close(withinMs);
  }
}
