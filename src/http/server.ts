/** An app on a socket: listens, and stops without dropping what runs. */

import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import { type AddressInfo, Server as NetServer } from 'node:net';
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import type { CutReason } from '../telemetry/connection-metrics.js';
import { takeExpecting } from './expect.js';
import { SocketGuard } from './socket-guard.js';
import { SOCKET_LIMITS, type SocketLimits } from './socket-limits.js';
import type { TlsMaterial } from './tls.js';

export interface ServerOptions {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  readonly limits?: SocketLimits;
  /** HTTPS with these; without, HTTP. */
  readonly tls?: TlsMaterial | undefined;
  /** A connection was cut off or turned away. */
  readonly onCut?: ((reason: CutReason) => void) | undefined;
}

/** How often times are looked at. */
const CHECK_MS = 1000;
/** While closing, a kept-alive connection may bring one more request for so long. */
const LINGER_MS = 250;
/** While closing, a connection that said nothing for so long will not say anything; a busy gateway reads late. */
const SILENT_MS = 2000;
/** Longest time to take what waits in the kernel: a busy gateway takes one a turn of its event loop. */
const BACKLOG_MS = 2000;
/** Nobody came in for so long: nobody waits in the kernel. */
const QUIET_MS = 20;

export class HttpServer {
  readonly #server: Server;
  readonly #options: ServerOptions;
  readonly #guard: SocketGuard;
  #closing: Promise<void> | undefined;
  #releasing = false;

  constructor(app: RequestListener, options: ServerOptions) {
    this.#options = options;
    const { limits = SOCKET_LIMITS, tls, onCut = () => {} } = options;
    const settings = {
      headersTimeout: limits.headersMs,
      requestTimeout: limits.requestMs,
      keepAliveTimeout: limits.keepAliveMs,
      maxHeaderSize: limits.headerBytes,
      // Asked for by the guard: Node's own refusal is no problem document.
      requireHostHeader: false,
      connectionsCheckingInterval: Math.min(CHECK_MS, limits.headersMs),
    };
    const listener: RequestListener = (request, response: ServerResponse) => {
      // On the way out, a kept-alive connection is told to go with its answer.
      if (this.#releasing || this.#closing !== undefined) response.setHeader('Connection', 'close');
      if (this.#guard.admit(request, response)) app(request, response);
    };
    this.#server =
      tls === undefined
        ? createServer(settings, listener)
        : createTlsServer({ ...settings, ...tls, handshakeTimeout: limits.headersMs }, listener);
    // Node leaves further ones out silently: with one more it shows that there were too many.
    this.#server.maxHeadersCount = limits.headers + 1;
    takeExpecting(this.#server);
    this.#guard = new SocketGuard(this.#server, tls !== undefined, limits, onCut);
  }

  /** @returns where it listens, for example http://localhost:8080 */
  async listen(): Promise<string> {
    const { host, port, tls } = this.#options;
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, host, resolve);
    });
    const bound = this.#server.address() as AddressInfo;
    const shown = ['0.0.0.0', '::'].includes(bound.address) ? 'localhost' : bound.address;
    return `http${tls === undefined ? '' : 's'}://${shown.includes(':') ? `[${shown}]` : shown}:${bound.port}`;
  }

  /** Open connections. */
  get connections(): number {
    return this.#guard.size;
  }

  /** New connections get these; those that are open keep what they were opened with. */
  renewTls(tls: TlsMaterial): void {
    (this.#server as TlsServer).setSecureContext(tls);
  }

  /**
   * From now on each connection ends with its next answer; new ones are taken. Whoever keeps connections asks anew, and a load
   * balancer that knows by then sends it elsewhere: fewer are left to be cut when this closes.
   */
  release(): void {
    this.#releasing = true;
  }

  /** Takes no new connections; resolves when the last one has its answer, or after `withinMs`. Idempotent. */
  close(withinMs: number): Promise<void> {
    this.#closing ??= this.#close(withinMs);
    return this.#closing;
  }

  /** Resolves right after a look at all sockets that brought none of these, or when it has taken too long. */
  async #untilNoMore(what: 'connection' | 'request', quietMs: number): Promise<void> {
    const until = performance.now() + BACKLOG_MS;
    let seen = 0;
    const count = () => seen++;
    this.#server.on(what, count);
    for (let before = -1; before !== seen && performance.now() < until; ) {
      before = seen;
      await sleep(quietMs);
      // A process that got no processor meanwhile has not looked at its sockets yet.
      await turn();
    }
    this.#server.off(what, count);
  }

  async #close(withinMs: number): Promise<void> {
    // Takes the callers that the kernel has let in already: closing the listener would reset them.
    if (withinMs > 0) await this.#untilNoMore('connection', QUIET_MS);
    const closed = new Promise<void>((resolve) => {
      // The http server's own close() drops idle connections at once, and with them a request that is just on its way.
      NetServer.prototype.close.call(this.#server, () => resolve());
    });
    const hurry = setTimeout(() => this.#server.closeAllConnections(), withinMs);
    const sweep = setInterval(() => void this.#dropIdle(), Math.min(LINGER_MS, withinMs));
    await closed;
    clearTimeout(hurry);
    clearInterval(sweep);
  }

  /**
   * Also connections that never said anything, which Node does not count as idle. What looks idle may have a request in the kernel: all
   * that is there is read first.
   */
  async #dropIdle(): Promise<void> {
    await this.#untilNoMore('request', 0);
    this.#server.closeIdleConnections();
    this.#guard.dropSilent(performance.now() - SILENT_MS);
  }
}
