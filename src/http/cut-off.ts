/** Requests that the server ends while they still come: readers of bodies, logs and metrics learn why, and the caller is told. */

import { randomUUID } from 'node:crypto';
import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { RequestError } from '../errors.js';
import { targetOf } from '../node-request.js';
import { begin } from './begin.js';
import { type Protocol, refusalOf, refuse } from './refusal.js';
import { SECURITY_HEADERS } from './security-headers.js';

/** Where the Open Inference Protocol is spoken, as Express finds it: its errors have a shape of their own. */
const INFERENCE = /^\/v2(\/|$)/i;

const reasons = new WeakMap<IncomingMessage, RequestError>();

/** Said before its socket is closed. */
export function cutOff(request: IncomingMessage, reason: RequestError): void {
  reasons.set(request, reason);
}

/** Why a request ended before all of it had come. */
export function reasonOf(request: IncomingMessage): RequestError {
  return reasons.get(request) ?? new RequestError('client_gone', 'the caller left before the whole picture was sent');
}

const protocolOf = (request: IncomingMessage): Protocol => (INFERENCE.test(targetOf(request).path) ? 'v2' : 'v1');

/** Answers a request that no app has seen. */
export function answerProblem(request: IncomingMessage, response: ServerResponse, error: RequestError): void {
  begin(request, response);
  response.setHeader('Connection', 'close');
  refuse(request, response, error, protocolOf(request));
}

/** A caller that still sends hears what it is told only as long as somebody reads. */
const LINGER_MS = 1000;

/**
 * Says the problem on a socket where no whole request came that could be answered, and closes it.
 * @param to what the caller takes it for the answer to; undefined: its head has not come
 * @param linger whether there may be more on its way
 */
export function closeWith(socket: Duplex, error: RequestError, to: IncomingMessage | undefined, linger: boolean): void {
  const { status, headers, body } = refusalOf(error, to === undefined ? 'v1' : protocolOf(to));
  const all = { ...SECURITY_HEADERS, 'X-Request-Id': randomUUID(), ...headers, Connection: 'close' };
  const head = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  // It is closed in any case; that the caller does not read it is no error.
  socket.on('error', () => {});
  const done = () => {
    socket.once('end', () => socket.destroy());
    setTimeout(() => socket.destroy(), linger ? LINGER_MS : 0).unref();
  };
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${head.join('')}\r\n${body}`, done);
}
