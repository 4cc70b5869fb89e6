/** Which problem can happen where, as responses of OpenAPI. */

import type { RequestErrorCode } from '../../errors.js';
import { PROBLEMS } from '../problem.js';
import { HEADERS, type Headers, ref } from './parts.js';

/** What a request meets on its way; an operation says which of it. */
export type Hazard =
  | 'keys'
  | 'rate'
  | 'picture'
  | 'lanes'
  | 'name'
  | 'cascade'
  | 'policy'
  | 'metrics'
  | 'tensors'
  | 'any';

/** Not of one operation: addresses and methods that the document does not have. */
type Outside = 'outside';

/** Where each code can come from. A new code does not compile before it has its places here. */
const PLACES: Readonly<Record<RequestErrorCode, readonly (Hazard | Outside)[]>> = {
  bad_request: ['any'],
  bad_query: ['picture', 'name'],
  bad_header: ['picture', 'tensors'],
  bad_multipart: ['picture'],
  bad_inference_request: ['tensors'],
  empty_body: ['picture', 'tensors'],
  unauthorized: ['keys'],
  forbidden_cascade: ['picture', 'tensors'],
  forbidden_policy: ['picture', 'tensors'],
  unknown_cascade: ['cascade'],
  unknown_policy: ['policy'],
  not_found: ['metrics', 'outside'],
  method_not_allowed: ['outside'],
  request_timeout: ['any'],
  headers_too_large: ['any'],
  too_many_bytes: ['picture', 'tensors'],
  too_many_pixels: ['picture', 'tensors'],
  unsupported_format: ['picture', 'tensors'],
  damaged_image: ['picture', 'tensors'],
  poison_image: ['picture', 'tensors'],
  rate_limited: ['rate'],
  // Nobody is there to read it.
  client_gone: [],
  internal: ['any'],
  overloaded: ['lanes'],
  starting: ['lanes', 'cascade'],
  shutting_down: ['lanes'],
  deadline_exceeded: ['lanes'],
};

/** Headers that a status always has. */
const HEADERS_OF: Readonly<Record<number, Headers>> = {
  401: { 'WWW-Authenticate': HEADERS.wwwAuthenticate },
  405: { Allow: HEADERS.allow },
  429: { 'Retry-After': HEADERS.retryAfter },
  503: { 'Retry-After': HEADERS.retryAfter },
};

/** How errors look: problem details, or the shape of the Open Inference Protocol. */
export type Shape = 'problem' | 'inference';

/** The problems that these hazards lead to, by status. */
export function problemResponses(hazards: readonly Hazard[], headers: Headers, shape: Shape): Record<string, object> {
  return byStatus([...hazards, 'any'], headers, shape);
}

/** Of addresses and methods that are none: for `components`, by name. */
export function outsideResponses(headers: Headers): Record<string, object> {
  const { 404: NotFound, 405: MethodNotAllowed } = byStatus(['outside'], headers, 'problem');
  const { 404: V2NotFound, 405: V2MethodNotAllowed } = byStatus(['outside'], headers, 'inference');
  return {
    NotFound: NotFound!,
    MethodNotAllowed: MethodNotAllowed!,
    V2NotFound: V2NotFound!,
    V2MethodNotAllowed: V2MethodNotAllowed!,
  };
}

function byStatus(places: readonly (Hazard | Outside)[], headers: Headers, shape: Shape): Record<string, object> {
  const codes = (Object.keys(PLACES) as RequestErrorCode[]).filter((code) =>
    PLACES[code].some((place) => places.includes(place)),
  );
  const statuses = [...new Set(codes.map((code) => PROBLEMS[code].status))].sort((a, b) => a - b);
  return Object.fromEntries(
    statuses.map((status) => {
      const here = codes.filter((code) => PROBLEMS[code].status === status);
      const description = here.map((code) => `\`${code}\`: ${PROBLEMS[code].title}`).join('; ');
      return [
        String(status),
        { description, headers: { ...headers, ...HEADERS_OF[status] }, content: contentOf[shape](status, here) },
      ];
    }),
  );
}

/** The protocol's own shape has no place for a code. */
const contentOf: Readonly<Record<Shape, (status: number, codes: readonly RequestErrorCode[]) => object>> = {
  problem: (status, codes) => {
    const schema = { ...ref('Problem'), properties: { status: { const: status }, code: { enum: codes } } };
    return { 'application/problem+json': { schema } };
  },
  inference: () => ({ 'application/json': { schema: ref('InferenceError') } }),
};
