/** What one connection may take of the server: time, bytes, requests. Each is a flag of `sluice serve`. */

export interface SocketLimits {
  /** To bring the whole head of a request, milliseconds; also of a connection that says nothing, and of a TLS handshake. */
  readonly headersMs: number;
  /** To bring the whole request, milliseconds. */
  readonly requestMs: number;
  /** Bytes a second that a body has to come with, on average; 0: no limit. */
  readonly minBodyRate: number;
  /** A connection may wait so long for its next request, milliseconds. */
  readonly keepAliveMs: number;
  /** Requests on one connection; 0: no limit. */
  readonly requestsPerConnection: number;
  /** Bytes of a request's head. */
  readonly headerBytes: number;
  /** Headers of a request. */
  readonly headers: number;
  /** Connections at a time. */
  readonly connections: number;
  /** Connections at a time from one address; 0: no limit, as behind a proxy all come from one. */
  readonly connectionsPerAddress: number;
}

export const SOCKET_LIMITS: SocketLimits = {
  headersMs: 10_000,
  requestMs: 60_000,
  minBodyRate: 1000,
  keepAliveMs: 30_000,
  requestsPerConnection: 100_000,
  headerBytes: 16_384,
  headers: 100,
  connections: 4096,
  connectionsPerAddress: 0,
};

/** A body is not judged before: a phone that changes cells pauses for a moment. */
export const BODY_GRACE_MS = 5000;

/**
 * Whether a body comes too slowly to go on with. Pure.
 * @param bytes of it that came so far
 * @param elapsedMs since its head was there
 */
export function isTooSlow(bytes: number, elapsedMs: number, { minBodyRate }: SocketLimits): boolean {
  return elapsedMs > BODY_GRACE_MS && bytes < (minBodyRate * elapsedMs) / 1000;
}
