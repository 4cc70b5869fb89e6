/**
 * The errors that Sluice raises on purpose. Each has a stable `code`; only `http/problem.ts` knows status codes, and only
 * `cli/` knows exit codes.
 */

/** Codes of errors about one request; the list is part of the HTTP contract. */
export type RequestErrorCode =
  | 'bad_request'
  | 'bad_query'
  | 'bad_header'
  | 'bad_multipart'
  | 'bad_inference_request'
  | 'empty_body'
  | 'unauthorized'
  | 'forbidden_cascade'
  | 'forbidden_policy'
  | 'unknown_cascade'
  | 'unknown_policy'
  | 'not_found'
  | 'method_not_allowed'
  | 'request_timeout'
  | 'too_many_bytes'
  | 'too_many_pixels'
  | 'unsupported_format'
  | 'damaged_image'
  | 'poison_image'
  | 'rate_limited'
  | 'headers_too_large'
  | 'overloaded'
  | 'deadline_exceeded'
  | 'client_gone'
  | 'starting'
  | 'shutting_down'
  | 'internal';

/** What one request did wrong, or why it cannot be answered now. `detail` is safe to show to the caller. */
export class RequestError extends Error {
  constructor(
    readonly code: RequestErrorCode,
    readonly detail: string,
    /** Seconds after which trying again makes sense; for `overloaded` and `rate_limited`. */
    readonly retryAfterSeconds?: number,
  ) {
    super(detail);
    this.name = 'RequestError';
  }
}

/** No model is served before a lane has measured it. */
export const stillStarting = () => new RequestError('starting', 'the lanes are still warming up', 1);

/** A configuration is refused as a whole, for these reasons. */
export class ConfigErrors extends Error {
  constructor(readonly errors: readonly ConfigError[]) {
    super(errors.map(({ message }) => message).join('; '));
    this.name = 'ConfigErrors';
  }
}

/** The gateway cannot start, for a reason that lies in no file. */
export class StartError extends Error {}

/** A file that a person wrote is wrong: names the file, the key in it, what was found and what is allowed. */
export class ConfigError extends Error {
  constructor(
    readonly file: string,
    /** Path of the key inside the file, for example `rungs[0].resolution`; empty when the file as a whole is meant. */
    readonly key: string,
    readonly reason: string,
  ) {
    super(`${file}: ${key === '' ? '' : `${key}: `}${reason}`);
    this.name = 'ConfigError';
  }
}
