/** The gateway without HTTP: bytes and a policy in, an answer and its cost out. HTTP, the command line and the tests stand on it. */

import type { Cascade, CascadeFacts } from '../cascade/cascade.js';
import { RequestError, stillStarting } from '../errors.js';
import type { Facts, JobAnswer } from '../lane/messages.js';
import type { NamedPolicy } from '../policy/loader.js';
import type { Service } from '../policy/service.js';
import type { Priority } from '../priority.js';
import type { Catalog } from './catalog.js';
import { choose } from './choice.js';
import { Deployment, type DeploymentOptions } from './deployment.js';
import type { Admission, GatewayEvents, LaneNow } from './generation.js';
import { PictureMemory } from './picture-memory.js';
import type { ClassifyRequest, ClassifyResult, Wish } from './request.js';
import { Saturation } from './saturation.js';
import { Steering, type Surroundings } from './steering.js';

export type { GatewayEvents, LaneNow } from './generation.js';
export type { ClassifyRequest, ClassifyResult } from './request.js';

export interface GatewayOptions extends DeploymentOptions {
  /** Goals and audits choose operating points; default true. Without, the first point of a policy serves. */
  readonly steers?: boolean;
}

export class Gateway {
  readonly #options: GatewayOptions;
  readonly #events: GatewayEvents;
  readonly #poison = new PictureMemory<true>();
  readonly #saturation = new Saturation();
  readonly #steering: Steering;
  readonly #deployed: Deployment;
  #starting: Promise<void> | undefined;
  #draining = false;
  #closed = false;
  #ready = false;

  constructor(options: GatewayOptions, events: GatewayEvents = {}) {
    this.#options = options;
    this.#events = events;
    this.#steering = new Steering(events, options.steers ?? true);
    this.#deployed = new Deployment(options, events, (image) => this.#poison.set(image, true));
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
    await this.#deployed.start();
    this.#ready = true;
  }

  /** True when each lane has been warm, one still is, and the gateway is not on its way out. */
  get ready(): boolean {
    return this.#ready && !this.#draining && this.#deployed.current.warm > 0;
  }

  get queued(): number {
    return this.#deployed.generations.reduce((sum, { dispatcher }) => sum + dispatcher.queued, 0);
  }

  /** Requests that may wait for a lane. */
  get queueLimit(): number {
    return this.#options.queue;
  }

  /** Width x height of the largest picture that is taken. */
  get maxPixels(): number {
    return this.#options.maxPixels;
  }

  /** Mean share of the lanes that had a request on board of late: 0 to 1. */
  get saturation(): number {
    return this.#saturation.ratio(performance.now());
  }

  /** Requests of one priority that wait for a lane. */
  queuedOf(priority: Priority): number {
    return this.#deployed.generations.reduce((sum, { dispatcher }) => sum + dispatcher.queuedOf(priority), 0);
  }

  /** Milliseconds that a request which comes in now is expected to wait for those before it; 0 where nothing is known yet. */
  expectedWaitMs(priority: Priority): number {
    return this.#deployed.current.dispatcher.expectedWaitMs(priority);
  }

  /** As `Deployment.laneCounts`. */
  get laneCounts(): { ready: number; starting: number; retiring: number } {
    return this.#deployed.laneCounts;
  }

  /** As `Deployment.lanes`. */
  get lanes(): readonly LaneNow[] {
    return this.#deployed.lanes;
  }

  /** Cascades that lanes hold, or still hold. */
  get heldCascades(): readonly Cascade[] {
    return this.#deployed.generations.flatMap(({ catalog }) => catalog?.cascades ?? []);
  }

  /** The usable cascades. */
  get cascades(): readonly Cascade[] {
    return this.#catalog?.cascades ?? [];
  }

  get policies(): readonly NamedPolicy[] {
    return this.#catalog?.policies ?? this.#options.policies;
  }

  /** What a gateway that starts later on this machine may be given as `known`; undefined until this one has started. */
  get measured(): Facts | undefined {
    return this.#deployed.current.measured;
  }

  facts(cascade: string): CascadeFacts {
    return this.#deployed.current.facts[cascade] ?? [];
  }

  get defaultCascade(): string {
    return this.#catalog?.defaultCascade ?? '';
  }

  get defaultPolicy(): string {
    return this.#options.defaultPolicy;
  }

  /** Each policy on each cascade that it speaks of. */
  get services(): readonly Service[] {
    return this.#catalog?.services ?? [];
  }

  /** Each policy on each cascade, with the index of the operating point that serves now; -1: the static choice in its place. */
  get serving(): readonly { readonly service: Service; readonly point: number }[] {
    return this.services.map((service) => ({ service, point: this.#steering.current(service) }));
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
    const { priority, deadlineAt = Number.POSITIVE_INFINITY } = wish;
    const { current } = this.#deployed;
    // Which policy it will be is not known yet of a provisional one.
    const goalMs = wish.provisional ? undefined : choice.goalMs;
    current.dispatcher.admit({ priority, leftMs: deadlineAt - Date.now(), goalMs });
    return current.admit(choice, priority);
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
    if (this.#poison.get(request.image)) {
      throw new RequestError('poison_image', 'this picture has killed two lanes before; it is not tried again');
    }
    const { image, raw, top, deadlineAt, explain, logits, stepTop, signal, journey, oneOfMany } = request;
    const job = { image, raw, top, deadlineAt, explain, logits, stepTop, journey, oneOfMany };
    const answer = await this.#occupying(admitted.dispatch(job, signal));
    this.#steering.answered(service, answer, plan.expected?.macs ?? answer.macs);
    if (isToBeAudited(service, answer)) void this.#audit(admitted, { image, raw }, answer);
    return { cascade, plan, answer, fullMacs, totalMs: performance.now() - from };
  }

  /**
   * Serves these policies from now on; requests that were let in keep theirs.
   * @throws as `Deployment.setPolicies`
   */
  setPolicies(policies: readonly NamedPolicy[]): void {
    this.#deployed.setPolicies(policies);
    this.#steering.serve(this.services);
  }

  /**
   * Serves these models from now on; requests that were let in keep theirs.
   * @returns resolves, within an object, when the lanes before have ended
   * @throws as `Deployment.setModels`
   */
  async setModels(cascades: readonly Cascade[], policies: readonly NamedPolicy[]): Promise<{ ended: Promise<void> }> {
    const change = await this.#deployed.setModels(cascades, policies);
    this.#steering.serve([]);
    return change;
  }

  /** Says "not ready" from now on; requests are still answered. */
  drain(): void {
    this.#draining = true;
  }

  /** Refuses all that is unanswered and ends the lanes; idempotent. */
  async close(): Promise<void> {
    this.#draining = true;
    this.#closed = true;
    this.#deployed.close(new RequestError('shutting_down', 'the gateway is shutting down', 1));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Undefined until a lane has measured the models. */
  get #catalog(): Catalog | undefined {
    return this.#deployed.current.catalog;
  }

  /** @throws RequestError starting */
  get #served(): Catalog {
    const catalog = this.#catalog;
    if (catalog === undefined || catalog.cascades.length === 0) throw stillStarting();
    return catalog;
  }

  get #around(): Surroundings {
    return { outstanding: this.#deployed.current.dispatcher.outstanding, lanes: this.#deployed.current.warm };
  }

  async #occupying<T>(work: Promise<T>): Promise<T> {
    this.#saturation.enter(this.#deployed.current.warm, performance.now());
    try {
      return await work;
    } finally {
      this.#saturation.leave(this.#deployed.current.warm, performance.now());
    }
  }

  /** Asks the full network what an early exit has answered. Audits that find no quiet lane are dropped. */
  async #audit(
    { service, cascade, point, plan }: Admission,
    picture: Pick<ClassifyRequest, 'image' | 'raw'>,
    answer: JobAnswer,
  ): Promise<void> {
    const catalog = this.#catalog;
    const full = catalog?.full(cascade.name);
    // After a change of models there is nothing to compare with.
    if (full === undefined || !catalog?.cascades.includes(cascade)) return;
    using admission = this.#deployed.current.admit({ service, point: -1, chosen: full, goalMs: undefined });
    const checked = await admission.dispatchIdle({
      ...picture,
      top: 1,
      deadlineAt: Number.POSITIVE_INFINITY,
      explain: false,
    });
    if (checked === undefined) return;
    const agreed = checked.top[0]!.index === answer.top[0]!.index;
    this.#events.audited?.({ cascade, plan, answer, agreed });
    this.#steering.audited(service, point, agreed);
  }
}

/** Draws the share of early answers that the policy wants checked. */
function isToBeAudited({ audit }: Service, { reason }: JobAnswer): boolean {
  return audit !== undefined && reason === 'confident' && Math.random() < audit.share;
}
