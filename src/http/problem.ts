/** RFC 9457 problem details: the only place that knows which error is which HTTP status. */

import { RequestError, type RequestErrorCode } from '../errors.js';

/** Status and title of each code. */
export const PROBLEMS: Record<RequestErrorCode, { readonly status: number; readonly title: string }> = {
  bad_request: { status: 400, title: 'This is not HTTP' },
  bad_query: { status: 400, title: 'The query is wrong' },
  bad_header: { status: 400, title: 'A header is wrong' },
  bad_multipart: { status: 400, title: 'The multipart body is wrong' },
  bad_inference_request: { status: 400, title: 'The inference request is wrong' },
  empty_body: { status: 400, title: 'The request has no picture' },
  unauthorized: { status: 401, title: 'An API key is needed' },
  forbidden_cascade: { status: 403, title: 'This cascade is not for this key' },
  forbidden_policy: { status: 403, title: 'This policy is not for this key' },
  unknown_cascade: { status: 404, title: 'There is no such cascade' },
  unknown_policy: { status: 404, title: 'There is no such policy' },
  not_found: { status: 404, title: 'There is nothing here' },
  method_not_allowed: { status: 405, title: 'This method is not for this address' },
  request_timeout: { status: 408, title: 'The request took too long to come' },
  too_many_bytes: { status: 413, title: 'The picture has too many bytes' },
  too_many_pixels: { status: 413, title: 'The picture has too many pixels' },
  unsupported_format: { status: 415, title: 'Not a picture format that is answered' },
  damaged_image: { status: 422, title: 'The picture is damaged' },
  poison_image: { status: 422, title: 'The picture kills its lanes' },
  rate_limited: { status: 429, title: 'Too many requests from this caller' },
  headers_too_large: { status: 431, title: 'The headers are too large' },
  // 499 is nginx's; nobody reads it but the metrics, since the caller has left.
  client_gone: { status: 499, title: 'The caller left' },
  internal: { status: 500, title: 'Something is wrong inside' },
  overloaded: { status: 503, title: 'Too much to do' },
  starting: { status: 503, title: 'Not ready yet' },
  shutting_down: { status: 503, title: 'On the way out' },
  deadline_exceeded: { status: 504, title: 'Too late' },
};

export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: RequestErrorCode;
}

export function problemOf(error: RequestError): Problem {
  const { status, title } = PROBLEMS[error.code];
  return { type: `urn:sluice:problem:${error.code}`, title, status, detail: error.detail, code: error.code };
}

/** Any error as one that a caller may see: mistakes, of the gateway or of a lane, become `internal` without their text. */
export function asRequestError(error: unknown): RequestError {
  if (error instanceof RequestError && error.code !== 'internal') return error;
  return new RequestError('internal', 'the gateway made a mistake; its log says more');
}
