/** Keeps the connections of a server within their limits: lets them in, times them, cuts off what takes too much, and says why. */

import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { RequestError } from '../errors.js';
import type { CutReason } from '../telemetry/connection-metrics.js';
import { addressKey, ConnectionBook } from './connection-book.js';
import { answerProblem, closeWith, cutOff } from './cut-off.js';
import { hasBody } from './linger.js';
import { BODY_GRACE_MS, isTooSlow, type SocketLimits } from './socket-limits.js';

interface Connection {
  /** As the kernel has it. */
  readonly raw: Socket;
  /** What HTTP is spoken on; over TLS undefined until the handshake is done. */
  spoken: Socket | TLSSocket | undefined;
  /** The newest one that is not answered yet. */
  request?: IncomingMessage | undefined;
  /** Requests that came so far. */
  requests: number;
  /** Answers that have not left yet, the oldest first: pipelined requests are handled at the same time. */
  readonly open: Set<ServerResponse>;
  /** Bytes that had come when the head of the request was there. */
  bytesBefore: number;
  /** It has been told that it is closed. */
  isClosing: boolean;
  /** Bytes that had left when the last sweep looked, and how many sweeps in a row found no more. */
  sent: number;
  stuck: number;
}

/** Browsers pipeline nothing, libraries a few. All are handled at once, and their answers wait here for whoever does not read. */
const MOST_OPEN = 8;
/** How often bodies and answers are looked at. */
const SWEEP_MS = 1000;
/** An answer of which nobody takes a byte for so many sweeps is not read: a phone without a signal is back sooner, or gone. */
const STUCK_SWEEPS = 15;
/** An answer has left, and the body that it did not wait for still comes: for so long it is read, so that the answer is heard. */
const UNWANTED_MS = 2000;

export class SocketGuard {
  readonly #limits: SocketLimits;
  readonly #book: ConnectionBook<Connection>;
  readonly #onCut: (reason: CutReason) => void;
  /** By the caller's address and port: the same for a TLS socket and the one below it. */
  readonly #byPeer = new Map<string, Connection>();
  readonly #sweep: NodeJS.Timeout;

  constructor(server: Server, tls: boolean, limits: SocketLimits, onCut: (reason: CutReason) => void) {
    this.#limits = limits;
    this.#onCut = onCut;
    this.#book = new ConnectionBook({ connections: limits.connections, perAddress: limits.connectionsPerAddress });
    server.on('connection', (socket: Socket) => this.#arrived(socket, tls));
    if (tls) server.on('secureConnection', (socket: TLSSocket) => this.#secured(socket));
    server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => this.#failed(error, socket));
    this.#sweep = setInterval(() => {
      this.#cutSlow();
      this.#cutUnread();
    }, SWEEP_MS).unref();
    server.on('close', () => clearInterval(this.#sweep));
  }

  /** Open connections. */
  get size(): number {
    return this.#book.size;
  }

  /** @returns false when the request is not for the app: it has been answered, or its connection is being closed */
  admit(request: IncomingMessage, response: ServerResponse): boolean {
    const connection = this.#byPeer.get(peerOf(request.socket));
    if (connection === undefined || connection.isClosing) return false;
    this.#started(connection, request, response);
    if (connection.open.size > MOST_OPEN) {
      this.#cut(connection, 'pipelined');
      return false;
    }
    const { requestsPerConnection: most, headers } = this.#limits;
    // Node's own limit says so, too, but then leaves it to the caller to close.
    if (most > 0 && connection.requests >= most) response.setHeader('Connection', 'close');
    if (request.rawHeaders.length / 2 > headers) {
      this.#onCut('headers_too_large');
      answerProblem(
        request,
        response,
        new RequestError('headers_too_large', `the request has more than ${headers} headers`),
      );
      return false;
    }
    if (request.headers.host === undefined && request.httpVersion === '1.1') {
      this.#onCut('malformed');
      answerProblem(request, response, new RequestError('bad_request', 'the request names no host'));
      return false;
    }
    return true;
  }

  /** Closes connections that have said nothing since before `sinceMs` (performance.now). */
  dropSilent(sinceMs: number): void {
    for (const [{ raw }, since] of this.#book.in('fresh')) if (raw.bytesRead === 0 && since < sinceMs) raw.destroy();
  }

  #arrived(raw: Socket, tls: boolean): void {
    const connection: Connection = {
      raw,
      spoken: tls ? undefined : raw,
      requests: 0,
      open: new Set(),
      bytesBefore: 0,
      isClosing: false,
      sent: 0,
      stuck: 0,
    };
    const peer = peerOf(raw);
    const arrival = this.#book.arrive(connection, addressKey(raw.remoteAddress), performance.now());
    if (arrival.let === 'away') {
      this.#cut(connection, arrival.why, turnedAway(arrival.why, this.#limits));
      return;
    }
    this.#byPeer.set(peer, connection);
    raw.once('close', () => {
      this.#book.leave(connection);
      if (this.#byPeer.get(peer) === connection) this.#byPeer.delete(peer);
    });
    if (arrival.instead === undefined) return;
    const { connection: victim, phase } = arrival.instead;
    // Kept-alive ones are closed without a word, as at the end of their time; who does not read hears none.
    if (phase === 'idle' || phase === 'writing') this.#cut(victim, 'made_room');
    else this.#cut(victim, 'made_room', slow('others wait for a connection, and this request has not come'));
  }

  #secured(socket: TLSSocket): void {
    const connection = this.#byPeer.get(peerOf(socket));
    if (connection !== undefined) connection.spoken = socket;
  }

  #started(connection: Connection, request: IncomingMessage, response: ServerResponse): void {
    connection.request = request;
    connection.open.add(response);
    connection.requests++;
    connection.bytesBefore = request.socket.bytesRead;
    const isBodied = hasBody(request);
    this.#book.move(connection, isBodied ? 'reading' : 'working', performance.now());
    if (isBodied) request.once('end', () => connection.request === request && this.#came(connection));
    response.once('finish', () => {
      if (request.complete) return;
      setTimeout(() => request.complete || request.socket.destroy(), UNWANTED_MS).unref();
    });
    response.once('close', () => {
      connection.open.delete(response);
      if (connection.open.size === 0) this.#book.move(connection, 'idle', performance.now());
    });
  }

  /** The whole body is there. */
  #came(connection: Connection): void {
    if (connection.open.size > 0) this.#book.move(connection, 'working', performance.now());
  }

  /** Whose answer waits for its caller; above all who does not read at all. Sweeps are counted, not time: a gateway that was busy sent nothing. */
  #cutUnread(): void {
    const now = performance.now();
    for (const connection of [...this.#book.in('working').keys(), ...this.#book.in('writing').keys()]) {
      const [next] = connection.open;
      if (next?.writableEnded !== true) continue;
      if (!this.#book.in('writing').has(connection)) this.#book.move(connection, 'writing', now);
      const sent = sentOn(connection.raw);
      connection.stuck = sent === connection.sent ? connection.stuck + 1 : 0;
      connection.sent = sent;
      if (connection.stuck >= STUCK_SWEEPS) this.#cut(connection, 'unread');
    }
  }

  #cutSlow(): void {
    const now = performance.now();
    const isSlow = ({ request, raw, spoken, bytesBefore }: Connection, since: number, at: number) =>
      request?.complete === false && isTooSlow((spoken ?? raw).bytesRead - bytesBefore, at - since, this.#limits);
    for (const [connection, since] of this.#book.in('reading')) {
      if (now - since <= BODY_GRACE_MS) break;
      if (!isSlow(connection, since, now)) continue;
      // A gateway that was busy itself finds the bytes only after this timer: it looks once more when it has read them.
      setImmediate(() => {
        if (this.#book.in('reading').get(connection) !== since || !isSlow(connection, since, now)) return;
        this.#cut(
          connection,
          'slow_body',
          slow(`the body comes with less than ${this.#limits.minBodyRate} bytes a second`),
        );
      });
    }
  }

  /** What Node's parser and its clock complain about. */
  #failed({ code = '' }: NodeJS.ErrnoException, socket: Socket): void {
    const connection = this.#byPeer.get(peerOf(socket));
    if (connection === undefined || !socket.writable) {
      socket.destroy();
      return;
    }
    if (connection.isClosing) return;
    if (code === 'ERR_HTTP_REQUEST_TIMEOUT') {
      const { headersMs, requestMs } = this.#limits;
      const isBody = connection.request?.complete === false;
      const [what, ms] = isBody ? ['the whole request', requestMs] : ['the head of a request', headersMs];
      this.#cut(connection, 'timeout', slow(`${what} has to come within ${ms} ms`));
    } else if (code === 'HPE_HEADER_OVERFLOW') {
      const detail = `the head of the request has more than ${this.#limits.headerBytes} bytes`;
      this.#cut(connection, 'headers_too_large', new RequestError('headers_too_large', detail));
    } else if (code === 'HPE_CHUNK_EXTENSIONS_OVERFLOW') {
      this.#cut(connection, 'malformed', new RequestError('too_many_bytes', 'the chunk extensions are too long'));
    } else if (code.startsWith('HPE_')) {
      this.#cut(connection, 'malformed', new RequestError('bad_request', 'this is not a request of HTTP/1.1'));
    } else socket.destroy();
  }

  /** @param error told to the caller where an answer has not begun */
  #cut(connection: Connection, reason: CutReason, error?: RequestError): void {
    if (connection.isClosing) return;
    connection.isClosing = true;
    this.#onCut(reason);
    const { raw, spoken, request, open } = connection;
    const [next] = open;
    if (error !== undefined && request?.complete === false) cutOff(request, error);
    const hasBegun = open.size > 1 || next?.headersSent === true;
    if (error === undefined || spoken === undefined || hasBegun) raw.destroy();
    // Those that make room shall be gone at once.
    else closeWith(spoken, error, open.size > 0 ? request : undefined, this.#book.has(connection));
  }
}

const peerOf = ({ remoteAddress, remotePort }: Socket) => `${remoteAddress} ${remotePort}`;

/** What the kernel has taken, over TLS too. The queue of the handle, not public, is what Node's own timeouts of sockets look at. */
function sentOn(raw: Socket): number {
  const { _handle: handle } = raw as Socket & { readonly _handle?: { readonly writeQueueSize: number } | null };
  return raw.bytesWritten - (handle?.writeQueueSize ?? 0);
}

const slow = (detail: string) => new RequestError('request_timeout', detail);

function turnedAway(why: 'full' | 'address', { connections, connectionsPerAddress }: SocketLimits): RequestError {
  return why === 'full'
    ? new RequestError('overloaded', `all of the ${connections} connections that may be open are at work`, 1)
    : new RequestError(
        'rate_limited',
        `this address has ${connectionsPerAddress} connections open, and may have no more`,
        1,
      );
}
