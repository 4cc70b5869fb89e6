/**
 * `Expect: 100-continue`: the caller holds its body back until it is asked for it. It is asked where the body is first read, so that a
 * refusal that the head decides costs no upload; Node would ask before anybody has looked at the head.
 */

import type { IncomingMessage, Server, ServerResponse } from 'node:http';

const waiting = new WeakMap<IncomingMessage, ServerResponse>();

/** Such requests go to the listeners of `request`, as all others do. */
export function takeExpecting(server: Server): void {
  server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    waiting.set(request, response);
    server.emit('request', request, response);
  });
  // Whatever else a caller expects is passed over (RFC 9110, 10.1.1); Node would say 417 without a problem.
  server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => {
    server.emit('request', request, response);
  });
}

/** Whether its caller waits to be asked for the body. */
export function isHeldBack(request: IncomingMessage): boolean {
  return waiting.has(request);
}

/** Before a body is read: whoever holds it back is told to send it. */
export function askForBody(request: IncomingMessage): void {
  const response = waiting.get(request);
  if (waiting.delete(request) && response?.headersSent === false) response.writeContinue();
}
