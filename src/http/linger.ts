/** Keeps a refused request's connection while its body still comes. */

import type { IncomingMessage } from 'node:http';

/** A caller that sends first and listens later hears its refusal only while the rest of its body is read: for so long. */
const LINGER_MS = 2000;

export function linger(request: IncomingMessage): void {
  if (request.complete || request.destroyed) return;
  const enough = setTimeout(() => request.socket.destroy(), LINGER_MS).unref();
  request.once('end', () => clearTimeout(enough));
  request.resume();
}
