/** GET /openapi.json: public, as /livez is. It is the same for all gateways of a version, and tools read it before they have a key. */

import type { RequestHandler } from 'express';
import { openApiDocument } from './document.js';

export function openApiRoute(): RequestHandler {
  // Bytes: a text would be copied for each answer that waits to be read.
  const bytes = Buffer.from(JSON.stringify(openApiDocument()));
  return (_request, response) => {
    response.type('application/json').send(bytes);
  };
}
