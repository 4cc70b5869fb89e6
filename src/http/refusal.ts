/** How a refusal is told: the only place that puts together its status, its headers and its body. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { RequestError } from '../errors.js';
import { isOnItsWay, sayAndLinger } from './linger.js';
import { problemOf } from './problem.js';

/** Below `/v2` the Open Inference Protocol is spoken, and errors have a shape of their own. */
export type Protocol = 'v1' | 'v2';

export interface Refusal {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export function refusalOf(error: RequestError, protocol: Protocol): Refusal {
  const problem = problemOf(error);
  const [type, said] = protocol === 'v2' ? ['json', { error: error.detail }] : ['problem+json', problem];
  const body = JSON.stringify(said);
  // Each 503 passes; where nobody knows when, a second is soon enough.
  const retryAfterSeconds = error.retryAfterSeconds ?? (problem.status === 503 ? 1 : undefined);
  const headers = {
    'Content-Type': `application/${type}; charset=utf-8`,
    'Content-Length': String(Buffer.byteLength(body)),
    ...(retryAfterSeconds === undefined ? {} : { 'Retry-After': String(retryAfterSeconds) }),
    ...(error.code === 'unauthorized' ? { 'WWW-Authenticate': 'Bearer' } : {}),
  };
  return { status: problem.status, headers, body };
}

/** Answers with it, where no answer has begun. */
export function refuse(
  request: IncomingMessage,
  response: ServerResponse,
  error: RequestError,
  protocol: Protocol,
): void {
  if (response.headersSent || response.destroyed) return;
  const { status, headers, body } = refusalOf(error, protocol);
  response.writeHead(status, headers);
  if (isOnItsWay(request)) sayAndLinger(request, response, body);
  else response.end(body);
}
