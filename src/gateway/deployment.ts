/**
 * What is deployed: the models and policies that take new requests, those that warm up to do so, and those that finish what they took.
 * Changes are all or nothing.
 */

import type { Cascade } from '../cascade/cascade.js';
import { ConfigError, ConfigErrors, RequestError } from '../errors.js';
import type { Facts, NumberedPlan } from '../lane/messages.js';
import { fit } from '../policy/check.js';
import type { NamedPolicy } from '../policy/loader.js';
import type { Service } from '../policy/service.js';
import { Catalog, lostDefaults, numbered } from './catalog.js';
import { Dispatcher } from './dispatcher.js';
import { type GatewayEvents, Generation, type LaneNow } from './generation.js';
import type { Confinement } from './lane-process.js';

export interface DeploymentOptions {
  readonly cascades: readonly Cascade[];
  readonly policies: readonly NamedPolicy[];
  readonly lanes: number;
  /** ONNX Runtime threads a lane. */
  readonly threads: number;
  readonly maxPixels: number;
  /** Requests that may wait for a lane. */
  readonly queue: number;
  /** Bytes of all pictures that are held. */
  readonly queueBytes: number;
  /** As `AdmissionLimits`; default: only the deadline of a request counts. */
  readonly maxWaitMs?: number | undefined;
  /** As `AdmissionLimits`; default: BATCH_SHARE. */
  readonly batchShare?: number | undefined;
  readonly defaultCascade?: string;
  readonly defaultPolicy: string;
  readonly hangMs?: number;
  readonly confinement?: Confinement;
  /** Measured before, of the same files on the same machine: only the rest is measured at the start. */
  readonly known?: Facts | undefined;
}

/** Requests sent to one lane at a time. */
const WINDOW = 32;
/** Bytes sent to one lane at a time, unless one picture has more: copying more would keep the gateway's thread too long. */
const WINDOW_BYTES = 16_000_000;
/** Decodes that overlap with inference in one lane. */
const DECODERS = 2;

export class Deployment {
  readonly #options: DeploymentOptions;
  readonly #events: GatewayEvents;
  readonly #onPoison: (image: Uint8Array) => void;
  /** Takes all new requests. */
  #current: Generation;
  /** Warms up to take them. */
  #next: Generation | undefined;
  /** Finishes what it took before. */
  #last: Generation | undefined;
  #lastEnded: Promise<void> = Promise.resolve();
  #planIds = 0;
  #closed = false;

  constructor(options: DeploymentOptions, events: GatewayEvents, onPoison: (image: Uint8Array) => void) {
    this.#options = options;
    this.#events = events;
    this.#onPoison = onPoison;
    this.#current = this.#generation(
      options.cascades,
      false,
      (usable) => {
        const { services, errors } = fit(options.policies, usable);
        for (const error of errors) this.#events.broken?.(error);
        return this.#catalog(usable, options.policies, services);
      },
      options.known,
    );
  }

  /**
   * Resolves when every lane is warm. Where it throws, no lane is left, and none is started again.
   * @throws ConfigError when no cascade can be served, StartError when the lanes do not start
   */
  async start(): Promise<void> {
    if (this.#options.cascades.length === 0) throw new ConfigError('models', '', 'no cascade can be served');
    try {
      await this.#current.start();
      if (this.#current.catalog!.cascades.length === 0)
        throw new ConfigError('models', '', 'no cascade can be served: none of them loads');
    } catch (error) {
      this.#current.close(new RequestError('shutting_down', 'no cascade can be served'));
      throw error;
    }
  }

  /** What takes new requests. */
  get current(): Generation {
    return this.#current;
  }

  /** All that has lanes. */
  get generations(): readonly Generation[] {
    return [this.#current, this.#next, this.#last].filter((each) => each !== undefined);
  }

  /** `retiring`: lanes of the models before, which finish what they took. */
  get laneCounts(): { ready: number; starting: number; retiring: number } {
    const { lanes } = this.#options;
    const ready = this.#current.warm;
    const starting = lanes - ready + (this.#next === undefined ? 0 : lanes);
    return { ready, starting, retiring: this.#last?.lanes.length ?? 0 };
  }

  /** The lanes that have not died; around a change of models there are two of each number. */
  get lanes(): readonly LaneNow[] {
    return this.generations.flatMap(({ lanes }) => lanes);
  }

  /**
   * Serves these policies from now on; requests that were let in keep theirs.
   * @throws ConfigErrors when one does not fit the models, or the default would be gone; then nothing has changed
   */
  setPolicies(policies: readonly NamedPolicy[]): void {
    const { cascades, plans } = this.#current.catalog!;
    const catalog = this.#checked(cascades, policies, plans);
    this.#current.offer(catalog);
  }

  /**
   * Warms up lanes with these models beside those that serve; then new requests go to them, and the lanes before end with the last
   * request that they were given. Waits first for a change before this one to end, so there are never more than two sets.
   * @returns resolves, within an object, when the lanes before have ended
   * @throws ConfigErrors as {@link setPolicies} and for models that do not load, StartError; then nothing has changed
   */
  async setModels(cascades: readonly Cascade[], policies: readonly NamedPolicy[]): Promise<{ ended: Promise<void> }> {
    const catalog = this.#checked(cascades, policies);
    await this.#lastEnded;
    const next = this.#generation(cascades, true, () => catalog, this.#current.known(cascades));
    this.#next = next;
    try {
      if (this.#closed) throw new RequestError('shutting_down', 'the gateway is shutting down');
      await next.start();
    } catch (error) {
      next.close(new RequestError('shutting_down', 'these models are not served'));
      throw error;
    } finally {
      this.#next = undefined;
    }
    const last = this.#current;
    this.#current = next;
    this.#last = last;
    this.#lastEnded = last.retire().then(() => {
      this.#last = undefined;
    });
    return { ended: this.#lastEnded };
  }

  /** Refuses all that is unanswered and ends the lanes; idempotent. */
  close(error: RequestError): void {
    this.#closed = true;
    for (const each of this.generations) each.close(error);
  }

  #generation(
    cascades: readonly Cascade[],
    strict: boolean,
    catalog: (usable: readonly Cascade[]) => Catalog,
    known?: Facts,
  ): Generation {
    const {
      queue,
      queueBytes,
      maxWaitMs,
      batchShare,
      lanes: count,
      maxPixels,
      threads,
      hangMs,
      confinement,
    } = this.#options;
    const dispatcher: Dispatcher = new Dispatcher(
      { queue, bytes: queueBytes, maxWaitMs, batchShare, window: WINDOW, windowBytes: WINDOW_BYTES },
      { poison: (image) => this.#onPoison(image), shed: (shed) => this.#events.shed?.(shed) },
      () => this.generations.map((each) => each.dispatcher).filter((each) => each !== dispatcher),
    );
    const limits = { maxPixels, decoders: DECODERS, threads };
    const options = {
      count,
      limits,
      cascades,
      strict,
      known,
      confinement,
      ...(hangMs === undefined ? {} : { hangMs }),
    };
    return new Generation(options, dispatcher, catalog, this.#events);
  }

  /** @param before plans that the same models have already */
  #catalog(
    cascades: readonly Cascade[],
    policies: readonly NamedPolicy[],
    services: readonly Service[],
    before: readonly NumberedPlan[] = [],
  ): Catalog {
    const { defaultCascade: cascade, defaultPolicy: policy } = this.#options;
    const plans = numbered(
      services.flatMap(({ points }) => points),
      before,
      () => ++this.#planIds,
    );
    return new Catalog(cascades, policies, services, plans, { cascade, policy });
  }

  /** @param before plans that the same models have already */
  #checked(
    cascades: readonly Cascade[],
    policies: readonly NamedPolicy[],
    before: readonly NumberedPlan[] = [],
  ): Catalog {
    const { services, errors } = fit(policies, cascades);
    if (errors.length > 0) throw new ConfigErrors(errors);
    const catalog = this.#catalog(cascades, policies, services, before);
    const lost = lostDefaults(this.#current.catalog!, catalog);
    if (lost.length > 0) throw new ConfigErrors(lost);
    return catalog;
  }
}
