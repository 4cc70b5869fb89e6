/**
 * Headers on every answer, for whoever opens one in a browser. A few lines in place of helmet: of its thirteen headers most are
 * about pages, and the one page here, the console, has its own.
 */

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { RequestHandler } from 'express';
import { isEncrypted } from '../node-request.js';

export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  // Never guess that an answer is a page or a script.
  'X-Content-Type-Options': 'nosniff',
  // Nor be one: an answer that is opened loads nothing, runs nothing, and is framed by nobody.
  'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
  // Other sites' pages may not read answers, nor pull them in as pictures and scripts.
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
  // What a picture shows is nobody else's business: no cache keeps an answer. What may be kept says so itself.
  'Cache-Control': 'no-store',
};

const EACH = Object.entries(SECURITY_HEADERS);

/** For half a year, this host only: what other hosts of the domain do is not known here. */
export const HSTS = 'max-age=15552000';

/** Over TLS also Strict-Transport-Security. */
export function setSecurityHeaders(request: IncomingMessage, response: ServerResponse): void {
  for (const [name, value] of EACH) response.setHeader(name, value);
  if (isEncrypted(request)) response.setHeader('Strict-Transport-Security', HSTS);
}

export const securityHeaders: RequestHandler = (request, response, next) => {
  setSecurityHeaders(request, response);
  next();
};
