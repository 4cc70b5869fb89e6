/** The gateway without HTTP: bytes and a policy in, an answer and its cost out. HTTP, the command line and the tests stand on it. */

import type { Cascade, CascadeFacts } from '../cascade/cascade.js';
import { ConfigError, ConfigErrors, RequestError } from '../errors.js';
import type { NumberedPlan } from '../lane/messages.js';
import { fit } from '../policy/check.js';
import type { NamedPolicy } from '../policy/loader.js';
import type { Plan } from '../policy/plan.js';
import { Catalog, lostDefaults, numbered } from './catalog.js';
import { Dispatcher } from './dispatcher.js';
import { type Admission, type GatewayEvents, Generation, type LaneNow } from './generation.js';
import { PoisonMemory } from './poison.js';
import type { ClassifyRequest, ClassifyResult } from './request.js';

export type { GatewayEvents, LaneNow } from './generation.js';
export type { ClassifyRequest, ClassifyResult } from './request.js';

export interface GatewayOptions {
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
  readonly defaultCascade?: string;
  readonly defaultPolicy: string;
  readonly hangMs?: number;
}

/** Requests sent to one lane at a time. */
const WINDOW = 32;
/** Bytes sent to one lane at a time, unless one picture has more: copying more would keep the gateway's thread too long. */
const WINDOW_BYTES = 16_000_000;
/** Decodes that overlap with inference in one lane. */
const DECODERS = 2;

export class Gateway {
  readonly #options: GatewayOptions;
  readonly #events: GatewayEvents;
  readonly #poison = new PoisonMemory();
  /** Takes all new requests. */
  #current: Generation;
  /** Warms up to take them. */
  #next: Generation | undefined;
  /** Finishes what it took before. */
  #last: Generation | undefined;
  #lastEnded: Promise<void> = Promise.resolve();
  #planIds = 0;
  #starting: Promise<void> | undefined;
  #draining = false;
  #closed = false;
  #ready = false;

  constructor(options: GatewayOptions, events: GatewayEvents = {}) {
    this.#options = options;
    this.#events = events;
    this.#current = this.#generation(options.cascades, false, (usable) => {
      const { plans, errors } = fit(options.policies, usable);
      for (const error of errors) this.#events.broken?.(error);
      return this.#catalog(usable, options.policies, this.#number(plans));
    });
  }

  /**
   * Resolves when every lane is warm; idempotent.
   * @throws ConfigError when no cascade can be served
   */
  start(): Promise<void> {
    this.#starting ??= this.#start();
    return this.#starting;
  }

  async #start(): Promise<void> {
    if (this.#options.cascades.length === 0) throw new ConfigError('models', '', 'no cascade can be served');
    await this.#current.start();
    if (this.cascades.length === 0) {
      this.#current.close(new RequestError('shutting_down', 'no cascade can be served'));
      throw new ConfigError('models', '', 'no cascade can be served: none of them loads');
    }
    this.#ready = true;
  }

  /** True when each lane has been warm, one still is, and the gateway is not on its way out. */
  get ready(): boolean {
    return this.#ready && !this.#draining && this.#current.warm > 0;
  }

  get queued(): number {
    return this.#generations.reduce((sum, { dispatcher }) => sum + dispatcher.queued, 0);
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
    return this.#generations.flatMap(({ lanes }) => lanes);
  }

  /** Cascades that lanes hold, or still hold. */
  get heldCascades(): readonly Cascade[] {
    return this.#generations.flatMap(({ catalog }) => catalog?.cascades ?? []);
  }

  /** The usable cascades. */
  get cascades(): readonly Cascade[] {
    return this.#current.catalog?.cascades ?? [];
  }

  get policies(): readonly NamedPolicy[] {
    return this.#current.catalog?.policies ?? this.#options.policies;
  }

  facts(cascade: string): CascadeFacts {
    return this.#current.facts[cascade] ?? [];
  }

  get defaultCascade(): string {
    return this.#current.catalog?.defaultCascade ?? '';
  }

  get defaultPolicy(): string {
    return this.#options.defaultPolicy;
  }

  /** The plans that new requests are given. */
  get plans(): readonly Plan[] {
    return this.#current.catalog?.plans.map(({ plan }) => plan) ?? [];
  }

  /**
   * Decides which plan a request walks: the one place where that is decided.
   * @throws RequestError starting, unknown_cascade, unknown_policy
   */
  plan(cascade?: string, policy?: string): NumberedPlan {
    const { catalog } = this.#current;
    if (catalog === undefined || catalog.cascades.length === 0)
      throw new RequestError('starting', 'the lanes are still warming up', 1);
    return catalog.points(cascade, policy)[0];
  }

  /**
   * Lets a request in, before its body is read: it keeps the plan and the models of this moment until it is disposed of.
   * @throws RequestError shutting_down, overloaded, and as {@link plan}
   */
  admit(cascade?: string, policy?: string): Admission {
    if (this.#closed) throw new RequestError('shutting_down', 'the gateway is shutting down', 1);
    const chosen = this.plan(cascade, policy);
    this.#current.dispatcher.admit();
    return this.#current.admit(chosen);
  }

  /**
   * @param admission of this request; without it, it is let in now
   * @throws RequestError for all that can be wrong with one request
   */
  async classify(request: ClassifyRequest, admission?: Admission): Promise<ClassifyResult> {
    if (this.#closed) throw new RequestError('shutting_down', 'the gateway is shutting down', 1);
    const from = performance.now();
    using own = admission === undefined ? this.admit(request.cascade, request.policy) : undefined;
    const { plan, cascade, fullMacs, dispatch } = (admission ?? own)!;
    if (this.#poison.has(request.image)) {
      throw new RequestError('poison_image', 'this picture has killed two lanes before; it is not tried again');
    }
    const { image, top, deadlineAt, explain, signal } = request;
    const answer = await dispatch({ image, top, deadlineAt, explain }, signal);
    return { cascade, plan, answer, fullMacs, totalMs: performance.now() - from };
  }

  /**
   * Serves these policies from now on; requests that were let in keep theirs.
   * @throws ConfigErrors when one does not fit the models, or the default would be gone; then nothing has changed
   */
  setPolicies(policies: readonly NamedPolicy[]): void {
    const { cascades, plans } = this.#current.catalog!;
    this.#current.offer(this.#checked(cascades, policies, plans));
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
    const next = this.#generation(cascades, true, () => catalog);
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

  /** Says "not ready" from now on; requests are still answered. */
  drain(): void {
    this.#draining = true;
  }

  /** Refuses all that is unanswered and ends the lanes; idempotent. */
  async close(): Promise<void> {
    this.#draining = true;
    this.#closed = true;
    for (const each of this.#generations)
      each.close(new RequestError('shutting_down', 'the gateway is shutting down', 1));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  get #generations(): readonly Generation[] {
    return [this.#current, this.#next, this.#last].filter((each) => each !== undefined);
  }

  #generation(
    cascades: readonly Cascade[],
    strict: boolean,
    catalog: (usable: readonly Cascade[]) => Catalog,
  ): Generation {
    const { queue, queueBytes, lanes: count, maxPixels, threads, hangMs } = this.#options;
    const dispatcher: Dispatcher = new Dispatcher(
      { queue, bytes: queueBytes, window: WINDOW, windowBytes: WINDOW_BYTES },
      (image) => this.#poison.add(image),
      () => this.#generations.map((each) => each.dispatcher).filter((each) => each !== dispatcher),
    );
    const limits = { maxPixels, decoders: DECODERS, threads };
    const options = { count, limits, cascades, strict, ...(hangMs === undefined ? {} : { hangMs }) };
    return new Generation(options, dispatcher, catalog, this.#events);
  }

  #catalog(cascades: readonly Cascade[], policies: readonly NamedPolicy[], plans: readonly NumberedPlan[]): Catalog {
    const { defaultCascade: cascade, defaultPolicy: policy } = this.#options;
    return new Catalog(cascades, policies, plans, { cascade, policy });
  }

  #number(plans: readonly Plan[], before: readonly NumberedPlan[] = []): readonly NumberedPlan[] {
    return numbered(plans, before, () => ++this.#planIds);
  }

  /** @param before plans that the same models have already */
  #checked(
    cascades: readonly Cascade[],
    policies: readonly NamedPolicy[],
    before: readonly NumberedPlan[] = [],
  ): Catalog {
    const { plans, errors } = fit(policies, cascades);
    if (errors.length > 0) throw new ConfigErrors(errors);
    const catalog = this.#catalog(cascades, policies, this.#number(plans, before));
    const lost = lostDefaults(this.#current.catalog!, catalog);
    if (lost.length > 0) throw new ConfigErrors(lost);
    return catalog;
  }
}
