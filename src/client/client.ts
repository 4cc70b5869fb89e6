/** A client for the gateway's HTTP: `fetch` and nothing else, for Node, browsers and whatever has both. */

import { authorizationOf, baseOf } from './address.js';
import { SluiceProblem, SluiceTimeout, SluiceUnreachable } from './errors.js';
import { answerOf, problemOf, type Received } from './received.js';
import { pauseMs } from './retry.js';
import type { CascadeList, CascadeWithLabels, Classification, PolicyList, PolicyWithContent, Ready } from './types.js';

export interface SluiceClientOptions {
  /** Of the gateway, for example `http://localhost:8080`; may have a path, or be one in a page. The constructor throws a TypeError for others. */
  readonly baseUrl: string | URL;
  /** Sent as `Authorization: Bearer`; the constructor throws a TypeError where a header cannot carry it. */
  readonly apiKey?: string;
  /** In place of the global one. */
  readonly fetch?: typeof globalThis.fetch;
  /** How often a call is tried again that was refused with 429 or 503 or got no answer; default 3. */
  readonly retries?: number;
  /** A longer Retry-After is not waited for: the call fails at once; default 30 seconds. */
  readonly maxWaitMs?: number;
}

export interface CallOptions {
  readonly signal?: AbortSignal;
}

export interface ClassifyOptions extends CallOptions {
  readonly cascade?: string;
  readonly policy?: string;
  /** How many classes. */
  readonly top?: number;
  /**
   * Milliseconds for the whole call, with all retries: each attempt tells the gateway what is left, so that the best exit so far is
   * the answer then. Any length will do, Infinity too. But the gateway takes no more than ten minutes (600000): an attempt tells it
   * no more, and is answered by then, if with a 504.
   */
  readonly deadlineMs?: number;
  /** `route.steps` lists every exit that was passed. */
  readonly explain?: boolean;
}

/** A stream is sent once: such a call is not tried again. */
export type Picture = Uint8Array | ArrayBuffer | Blob | ReadableStream<Uint8Array>;

/** An answer at the deadline still needs its way back. */
const WAY_BACK_MS = 1000;
/** The gateway refuses a longer one. */
const LONGEST_DEADLINE_MS = 600_000;
/** A longer timer fires at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

interface Call {
  readonly path: string;
  readonly init?: RequestInit;
  readonly signal?: AbortSignal | undefined;
  readonly deadlineMs?: number | undefined;
  readonly retries?: number;
  /** Statuses beside 2xx that are answers. */
  readonly answers?: readonly number[];
}

export class SluiceClient {
  readonly #base: URL;
  readonly #authorization: { readonly Authorization?: string };
  readonly #fetch: typeof globalThis.fetch;
  readonly #retries: number;
  readonly #maxWaitMs: number;

  constructor({ baseUrl, apiKey, fetch, retries = 3, maxWaitMs = 30_000 }: SluiceClientOptions) {
    this.#base = baseOf(baseUrl);
    this.#authorization = apiKey === undefined ? {} : authorizationOf(apiKey);
    // A browser's own wants to be called on nothing else.
    this.#fetch = fetch ?? ((input, init) => globalThis.fetch(input, init));
    this.#retries = retries;
    this.#maxWaitMs = maxWaitMs;
  }

  /**
   * @param image the bytes of a JPEG, PNG, WebP, AVIF, GIF or TIFF
   * @throws SluiceProblem, SluiceUnreachable, SluiceTimeout; the reason of `signal` when it aborts
   */
  classify(image: Picture, options: ClassifyOptions = {}): Promise<Classification> {
    const { cascade, policy, top, explain, deadlineMs, signal } = options;
    const query = queryOf({ cascade, policy, top, explain });
    const isStream = image instanceof ReadableStream;
    // The gateway looks at the bytes alone; a Blob's own type could make a form of them.
    const headers = { 'Content-Type': 'application/octet-stream' };
    const body = { method: 'POST', body: image, headers, ...(isStream ? { duplex: 'half' } : {}) } as RequestInit;
    const retries = isStream ? 0 : this.#retries;
    return this.#call<Classification>({ path: `v1/classify${query}`, init: body, signal, deadlineMs, retries });
  }

  /** @throws as {@link classify} */
  cascades({ signal }: CallOptions = {}): Promise<CascadeList> {
    return this.#call({ path: 'v1/cascades', signal });
  }

  /** With its labels. @throws as {@link classify} */
  cascade(name: string, { signal }: CallOptions = {}): Promise<CascadeWithLabels> {
    return this.#call({ path: `v1/cascades/${encodeURIComponent(name)}`, signal });
  }

  /** @throws as {@link classify} */
  policies({ signal }: CallOptions = {}): Promise<PolicyList> {
    return this.#call({ path: 'v1/policies', signal });
  }

  /** With all that its file says. @throws as {@link classify} */
  policy(name: string, { signal }: CallOptions = {}): Promise<PolicyWithContent> {
    return this.#call({ path: `v1/policies/${encodeURIComponent(name)}`, signal });
  }

  /** Whether requests are answered now; false is an answer, and is not asked again. @throws as {@link classify} */
  async ready({ signal }: CallOptions = {}): Promise<boolean> {
    const { status } = await this.#call<Ready>({ path: 'readyz', signal, answers: [503] });
    return status === 'ready';
  }

  async #call<Answer>(call: Call): Promise<Answer> {
    const { deadlineMs, signal, retries = this.#retries } = call;
    const until = deadlineMs === undefined ? Number.POSITIVE_INFINITY : Date.now() + deadlineMs;
    for (let failed = 1; ; failed++) {
      signal?.throwIfAborted();
      const leftMs = until - Date.now();
      const { received, error } = await this.#attempt(call, leftMs);
      // Here, where nothing is tried again: what is no JSON now is none later either.
      if (received !== undefined) return answerOf<Answer>(received);
      if (!(error instanceof SluiceProblem || error instanceof SluiceUnreachable)) throw error;
      const { status, retryAfterSeconds } =
        error instanceof SluiceProblem ? error : { status: undefined, retryAfterSeconds: undefined };
      const patience = { failed, retries, maxWaitMs: this.#maxWaitMs, leftMs: until - Date.now() };
      const wait = pauseMs({ status, retryAfterSeconds }, patience, Math.random());
      if (wait === undefined) throw error;
      await pause(Math.min(LONGEST_TIMER_MS, wait), signal);
    }
  }

  /** One request. What it throws is told as `error`, to be looked at. */
  async #attempt(call: Call, leftMs: number): Promise<{ received?: Received; error?: unknown }> {
    const { path, init = {}, signal, deadlineMs, answers = [] } = call;
    const url = new URL(path, this.#base);
    const stop = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    if (deadlineMs !== undefined) {
      url.searchParams.set('deadline_ms', String(Math.max(1, Math.min(LONGEST_DEADLINE_MS, Math.floor(leftMs)))));
      const timerMs = Math.min(LONGEST_TIMER_MS, leftMs + WAY_BACK_MS);
      timer = setTimeout(() => stop.abort(new SluiceTimeout(deadlineMs)), timerMs);
    }
    // Not by AbortSignal.any: in Node 20 a signal that outlives its calls, as that of a server, would keep a kilobyte of each.
    const leave = () => stop.abort(signal!.reason);
    signal?.addEventListener('abort', leave, { once: true });
    const headers = { ...init.headers, ...this.#authorization };
    try {
      const response = await this.#fetch(url, { ...init, headers, signal: stop.signal });
      const text = await response.text();
      if (response.ok || answers.includes(response.status)) return { received: { response, text } };
      return { error: problemOf({ response, text }) };
    } catch (cause) {
      if (stop.signal.aborted) return { error: stop.signal.reason };
      return { error: new SluiceUnreachable(this.#base.href, cause) };
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', leave);
    }
  }
}

function queryOf(values: Readonly<Record<string, string | number | boolean | undefined>>): string {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(values)) if (value !== undefined) query.set(key, String(value));
  const text = query.toString();
  return text === '' ? '' : `?${text}`;
}

/** @throws the reason of `signal` as soon as it aborts */
function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal!.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop);
      resolve();
    }, ms);
    if (signal?.aborted) stop();
    else signal?.addEventListener('abort', stop, { once: true });
  });
}
