/** What every answer begins with, whatever it will say: the id of its request, and the headers of its safety. */

import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setSecurityHeaders } from './security-headers.js';

/** @returns the id of the request */
export function begin(request: IncomingMessage, response: ServerResponse): string {
  const id = randomUUID();
  response.setHeader('X-Request-Id', id);
  setSecurityHeaders(request, response);
  return id;
}
