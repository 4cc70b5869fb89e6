/** A request for answers on its way, in either protocol: whether anybody waits for it, what logs and traces call it, and its end. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Journey } from '../gateway/journey.js';
import { headerOf } from '../node-request.js';
import type { Logger } from '../telemetry/log.js';
import type { Metrics } from '../telemetry/metrics.js';
import { logFieldsOf } from '../telemetry/trace-context.js';
import type { Outcome, RequestNames, RequestTrace, Tracing } from '../telemetry/tracing.js';
import type { Auth } from './auth.js';
import type { Caller } from './caller.js';
import { asRequestError, problemOf } from './problem.js';
import { type Protocol, refuse } from './refusal.js';

export interface PassageDeps {
  /** Undefined: nothing is counted. */
  readonly metrics: Metrics | undefined;
  readonly auth: Auth;
  readonly log: Logger;
  /** Where requests are traced. */
  readonly tracing?: Tracing | undefined;
}

export class Passage {
  /** Milliseconds since the epoch. */
  readonly arrivedMs = Date.now();
  /** Stops when the caller leaves, or whoever answers it gives up. */
  readonly stop = new AbortController();
  readonly #deps: PassageDeps;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #trace: RequestTrace | undefined;
  /** What each line of the log says of it. */
  readonly #logged: Record<string, unknown>;

  constructor(deps: PassageDeps, request: IncomingMessage, response: ServerResponse, named: RequestNames) {
    this.#deps = deps;
    this.#request = request;
    this.#response = response;
    response.on('close', () => {
      if (!response.writableFinished) this.stop.abort();
    });
    this.#trace = deps.tracing?.start(request, named);
    const traceparent = this.#trace?.traceparent;
    if (traceparent !== undefined) response.setHeader('traceparent', traceparent);
    this.#logged = { id: named.id, ...logFieldsOf(traceparent ?? headerOf(request, 'traceparent')) };
  }

  /** Where the times of a request that is traced are noted. */
  get journey(): Journey | undefined {
    return this.#trace?.journey;
  }

  /** @throws RequestError unauthorized, rate_limited */
  async caller(): Promise<Caller> {
    const caller = await this.#deps.auth.admit(this.#request);
    if (caller.key !== undefined) this.#logged.key = caller.key.name;
    return caller;
  }

  /**
   * The answer was sent.
   * @param told of it in the log, where that is wanted
   */
  answered(outcome: Pick<Outcome, 'result' | 'results'>, told: () => object): void {
    const { log } = this.#deps;
    if (log.isLevelEnabled('debug')) log.debug({ ...this.#logged, ...told() }, 'answered');
    this.#trace?.end({ status: this.#response.statusCode, ...outcome });
  }

  /**
   * @param known the plan that it named, where it named one that exists
   * @param pictures that it holds, as far as that is known
   */
  refused(
    error: unknown,
    known: { cascade: string; policy: string } | undefined,
    protocol: Protocol,
    pictures = 1,
  ): void {
    const { metrics, log } = this.#deps;
    const refusal = asRequestError(error);
    const { code, detail } = refusal;
    for (let i = 0; i < pictures; i++) metrics?.refused(problemOf(refusal).status, known);
    if (code === 'internal') log.error({ ...this.#logged, err: error, detail }, 'request failed');
    else log.debug({ ...this.#logged, code }, 'refused');
    const response = this.#response;
    refuse(this.#request, response, refusal, protocol);
    this.#trace?.end({ status: response.headersSent ? response.statusCode : undefined, problem: code });
  }
}
