/** The gateway without HTTP: bytes and a policy in, an answer and its cost out. HTTP, the command line and the tests stand on it. */

import type { Cascade, CascadeFacts } from '../cascade/cascade.js';
import { ConfigError, ConfigErrors, RequestError } from '../errors.js';
import type { Facts, JobAnswer, NumberedPlan } from '../lane/messages.js';
import { fit } from '../policy/check.js';
import type { NamedPolicy } from '../policy/loader.js';
import type { Plan } from '../policy/plan.js';
import type { Service } from '../policy/service.js';
import { Catalog, lostDefaults, numbered } from './catalog.js';
import { choose } from './choice.js';
import { Dispatcher } from './dispatcher.js';
import { type Admission, type GatewayEvents, Generation, type LaneNow } from './generation.js';
import { PoisonMemory } from './poison.js';
import type { ClassifyRequest, ClassifyResult, Wish } from './request.js';
import { Steering, type Surroundings } from './steering.js';

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
  /** Goals and audits choose operating points; default true. Without, the first point of a policy serves. */
  readonly steers?: boolean;
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
  readonly #steering: Steering;
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
    this.#steering = new Steering(events, options.steers ?? true);
    this.#current = this.#generation(options.cascades, false, (usable) => {
      const { services, errors } = fit(options.policies, usable);
      for (const error of errors) this.#events.broken?.(error);
      return this.#catalog(usable, options.policies, services);
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

  /** Each policy on each cascade, with the index of the operating point that serves now; -1: the static choice in its place. */
  get serving(): readonly { readonly service: Service; readonly point: number }[] {
    const services = this.#current.catalog?.services ?? [];
    return services.map((service) => ({ service, point: this.#steering.current(service) }));
  }

  /**
   * What a request that names these would be let in for.
   * @throws RequestError starting, unknown_cascade, unknown_policy
   */
  service(cascade?: string, policy?: string): Service {
    return this.#served.service(cascade, policy);
  }

  /**
   * Lets a request in, before its body is read: it keeps the plan and the models of this moment until it is disposed of.
   * @throws RequestError shutting_down, overloaded, and as {@link service}
   */
  admit(wish: Wish): Admission {
    if (this.#closed) throw new RequestError('shutting_down', 'the gateway is shutting down', 1);
    const choice = choose(this.#served, wish, this.#steering, () => this.#around);
    this.#current.dispatcher.admit();
    return this.#current.admit(choice);
  }

  /**
   * @param admission of this request; without it, it is let in now
   * @throws RequestError for all that can be wrong with one request
   */
  async classify(request: ClassifyRequest, admission?: Admission): Promise<ClassifyResult> {
    if (this.#closed) throw new RequestError('shutting_down', 'the gateway is shutting down', 1);
    const from = performance.now();
    using own = admission === undefined ? this.admit(request) : undefined;
    const admitted = (admission ?? own)!;
    const { plan, cascade, fullMacs, service } = admitted;
    if (this.#poison.has(request.image)) {
      throw new RequestError('poison_image', 'this picture has killed two lanes before; it is not tried again');
    }
    const { image, top, deadlineAt, explain, signal } = request;
    const answer = await admitted.dispatch({ image, top, deadlineAt, explain }, signal);
    this.#steering.answered(service, answer, plan.expected?.macs ?? answer.macs);
    if (isToBeAudited(service, answer)) void this.#audit(admitted, image, answer);
    return { cascade, plan, answer, fullMacs, totalMs: performance.now() - from };
  }

  /**
   * Serves these policies from now on; requests that were let in keep theirs.
   * @throws ConfigErrors when one does not fit the models, or the default would be gone; then nothing has changed
   */
  setPolicies(policies: readonly NamedPolicy[]): void {
    const { cascades, plans } = this.#current.catalog!;
    const catalog = this.#checked(cascades, policies, plans);
    this.#current.offer(catalog);
    this.#steering.serve(catalog.services);
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
    this.#steering.serve(catalog.services);
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
    known?: Facts,
  ): Generation {
    const { queue, queueBytes, lanes: count, maxPixels, threads, hangMs } = this.#options;
    const dispatcher: Dispatcher = new Dispatcher(
      { queue, bytes: queueBytes, window: WINDOW, windowBytes: WINDOW_BYTES },
      (image) => this.#poison.add(image),
      () => this.#generations.map((each) => each.dispatcher).filter((each) => each !== dispatcher),
    );
    const limits = { maxPixels, decoders: DECODERS, threads };
    const options = { count, limits, cascades, strict, known, ...(hangMs === undefined ? {} : { hangMs }) };
    return new Generation(options, dispatcher, catalog, this.#events);
  }

  /** @throws RequestError starting */
  get #served(): Catalog {
    const { catalog } = this.#current;
    if (catalog === undefined || catalog.cascades.length === 0)
      throw new RequestError('starting', 'the lanes are still warming up', 1);
    return catalog;
  }

  get #around(): Surroundings {
    return { outstanding: this.#current.dispatcher.outstanding, lanes: this.#current.warm };
  }

  /** Asks the full network what an early exit has answered. Audits that find no quiet lane are dropped. */
  async #audit({ service, cascade, point, plan }: Admission, image: Uint8Array, answer: JobAnswer): Promise<void> {
    const { catalog } = this.#current;
    const full = catalog?.full(cascade.name);
    // After a change of models there is nothing to compare with.
    if (full === undefined || !catalog?.cascades.includes(cascade)) return;
    using admission = this.#current.admit({ service, point: -1, chosen: full });
    const checked = await admission.dispatchIdle({
      image,
      top: 1,
      deadlineAt: Number.POSITIVE_INFINITY,
      explain: false,
    });
    if (checked === undefined) return;
    const agreed = checked.top[0]!.index === answer.top[0]!.index;
    this.#events.audited?.({ cascade, plan, answer, agreed });
    this.#steering.audited(service, point, agreed);
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

/** Draws the share of early answers that the policy wants checked. */
function isToBeAudited({ audit }: Service, { reason }: JobAnswer): boolean {
  return audit !== undefined && reason === 'confident' && Math.random() < audit.share;
}
