/** Small parts of the document that several rooms use. */

import { PRIORITIES, USUAL_PRIORITY } from '../../priority.js';
import { PRIORITY_HEADER } from '../wish.js';

export type Headers = Readonly<Record<string, object>>;

/** A schema of `components`. */
export function ref(schema: string): { readonly $ref: string } {
  return { $ref: `#/components/schemas/${schema}` };
}

/** `format: binary` is of OpenAPI 3.0; 3.1 needs no word for bytes, but generators of clients know them by it. */
export const BYTES = { type: 'string', format: 'binary' };

export const HEADERS = {
  requestId: {
    required: true,
    description: 'of this request: the `id` of its answer, and in the log',
    schema: { type: 'string', format: 'uuid' },
  },
  retryAfter: {
    required: true,
    description: 'seconds after which trying again makes sense',
    schema: { type: 'integer', minimum: 1 },
  },
  wwwAuthenticate: { required: true, schema: { const: 'Bearer' } },
  allow: { required: true, description: 'methods that are answered here', schema: { type: 'string' } },
  traceparent: {
    required: false,
    description: 'W3C Trace Context, where requests are traced',
    schema: { type: 'string' },
  },
} as const;

/** The parameter of requests that lanes answer. */
export const PRIORITY = {
  name: PRIORITY_HEADER,
  in: 'header',
  required: false,
  description: '`batch` waits behind `interactive` and is refused first; a key may be of `batch` always',
  schema: { enum: PRIORITIES, default: USUAL_PRIORITY },
} as const;
