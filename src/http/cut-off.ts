/** Requests that the server ends while they still come: readers of bodies, logs and metrics learn why, and the caller is told. */

import { randomUUID } from 'node:crypto';
import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { RequestError } from '../errors.js';
import { problemOf } from './problem.js';
import { SECURITY_HEADERS } from './security-headers.js';

const reasons = new WeakMap<IncomingMessage, RequestError>();

/** Said before its socket is closed. */
export function cutOff(request: IncomingMessage, reason: RequestError): void {
  reasons.set(request, reason);
}

/** Why a request ended before all of it had come. */
export function reasonOf(request: IncomingMessage): RequestError {
  return reasons.get(request) ?? new RequestError('client_gone', 'the caller left before the whole picture was sent');
}

function headersOf(error: RequestError, body: string): Record<string, string> {
  return {
    ...SECURITY_HEADERS,
    'X-Request-Id': randomUUID(),
    'Content-Type': 'application/problem+json; charset=utf-8',
    'Content-Length': String(Buffer.byteLength(body)),
    ...(error.retryAfterSeconds === undefined ? {} : { 'Retry-After': String(error.retryAfterSeconds) }),
    Connection: 'close',
  };
}

/** Answers a request that no app has seen. */
export function answerProblem(response: ServerResponse, error: RequestError): void {
  const body = JSON.stringify(problemOf(error));
  response.writeHead(problemOf(error).status, headersOf(error, body)).end(body);
}

/** A caller that still sends hears what it is told only as long as somebody reads. */
const LINGER_MS = 1000;

/**
 * Says the problem on a socket where no whole request came that could be answered, and closes it.
 * @param linger whether there may be more on its way
 */
export function closeWith(socket: Duplex, error: RequestError, linger: boolean): void {
  const problem = problemOf(error);
  const body = JSON.stringify(problem);
  const head = Object.entries(headersOf(error, body)).map(([name, value]) => `${name}: ${value}\r\n`);
  // It is closed in any case; that the caller does not read it is no error.
  socket.on('error', () => {});
  const done = () => {
    socket.once('end', () => socket.destroy());
    setTimeout(() => socket.destroy(), linger ? LINGER_MS : 0).unref();
  };
  socket.end(`HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}\r\n${head.join('')}\r\n${body}`, done);
}
