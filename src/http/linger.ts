/** Refusals of requests whose bodies still come. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import { isHeldBack } from './expect.js';

/** A caller that sends first and reads later hears its refusal only while the rest of its body is taken: for so long. */
const LINGER_MS = 2000;

/** Whether the head announces a body. */
export function hasBody({ headers }: IncomingMessage): boolean {
  const { 'content-length': length = '0', 'transfer-encoding': coding } = headers;
  return coding !== undefined || length !== '0';
}

/** Whether there is more to come of it; a body that its caller holds back will not. */
export function isOnItsWay(request: IncomingMessage): boolean {
  return !request.complete && hasBody(request) && !isHeldBack(request);
}

/**
 * Says the whole answer now, and ends it with the body of the request: Node closes the connection of a caller that asks for that
 * when the answer ends, and what still comes then is met with a reset, which takes the answer away from who has not read it.
 * @param response its head tells the length of `body`
 */
export function sayAndLinger(request: IncomingMessage, response: ServerResponse, body: string): void {
  const enough = setTimeout(() => request.socket.destroy(), LINGER_MS).unref();
  response.once('close', () => clearTimeout(enough));
  request.once('end', () => response.end());
  // The body of an answer to HEAD is left out, and its head would wait for the end.
  if (request.method === 'HEAD') response.flushHeaders();
  else response.write(body);
  // Of whoever has read it until now, nobody wants the rest.
  request.unpipe().resume();
}
