/** What is read of requests by Node's own means: getting there through Express takes as long as a whole refusal. */

import type { IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';

export function headerOf(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name.toLowerCase()];
  return Array.isArray(value) ? value.join(', ') : value;
}

/** Of whoever holds the other end: where a proxy does, its own. */
export function addressOf(request: IncomingMessage): string | undefined {
  return request.socket.remoteAddress;
}

export function isEncrypted(request: IncomingMessage): boolean {
  return (request.socket as Partial<TLSSocket>).encrypted === true;
}

/** The address that is asked for, without its host. */
export function targetOf({ url = '/' }: IncomingMessage): { readonly path: string; readonly query: string } {
  const at = url.indexOf('?');
  return at < 0 ? { path: url, query: '' } : { path: url.slice(0, at), query: url.slice(at + 1) };
}
