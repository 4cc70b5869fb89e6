/** The gateway without HTTP: bytes and a policy in, an answer and its cost out. HTTP, the command line and the tests stand on it. */

import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { type Cascade, type CascadeFacts, fullMacs } from '../cascade/cascade.js';
import { ConfigError, RequestError } from '../errors.js';
import type { FromLane, JobAnswer } from '../lane/messages.js';
import type { NamedPolicy } from '../policy/loader.js';
import { type Plan, plansFor } from '../policy/plan.js';
import { Dispatcher } from './dispatcher.js';
import type { Lane, LaneState } from './lane.js';
import { Lanes } from './lanes.js';

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

export interface ClassifyRequest {
  readonly image: Uint8Array;
  readonly cascade?: string | undefined;
  readonly policy?: string | undefined;
  readonly top: number;
  /** Milliseconds since the epoch; Infinity without one. */
  readonly deadlineAt: number;
  readonly explain: boolean;
  readonly signal?: AbortSignal;
}

export interface ClassifyResult {
  readonly cascade: Cascade;
  readonly plan: Plan;
  readonly answer: JobAnswer;
  /** MACs of the last rung to its last exit. */
  readonly fullMacs: number;
  /** From the call to the answer. */
  readonly totalMs: number;
}

export interface LaneNow {
  readonly number: number;
  readonly pid: number;
  readonly state: LaneState;
  /** On board. */
  readonly requests: number;
}

/** What happens inside, for logs and metrics. */
export interface GatewayEvents {
  laneReady?(lane: number, pid: number): void;
  laneDied?(lane: number, cause: string): void;
  laneWorked?(lane: number, busyMs: number, batches: readonly number[]): void;
  broken?(error: ConfigError): void;
}

/** Requests sent to one lane at a time. */
const WINDOW = 32;
/** Bytes sent to one lane at a time, unless one picture has more: copying more would keep the gateway's thread too long. */
const WINDOW_BYTES = 16_000_000;
/** Decodes that overlap with inference in one lane. */
const DECODERS = 2;
/** Pictures remembered as deadly, by their SHA-256. */
const POISON_MEMORY = 1000;

export class Gateway {
  readonly #options: GatewayOptions;
  readonly #events: GatewayEvents;
  readonly #dispatcher: Dispatcher;
  readonly #lanes: Lanes;
  /** Lengths of deadly pictures, by SHA-256: only a picture of such a length has to be hashed. */
  readonly #poison = new LRUCache<string, number>({ max: POISON_MEMORY });
  #cascades = new Map<string, Cascade>();
  #starting: Promise<void> | undefined;
  #draining = false;
  #closed = false;
  #ready = false;

  constructor(options: GatewayOptions, events: GatewayEvents = {}) {
    this.#options = options;
    this.#events = events;
    const { queue, queueBytes } = options;
    const limits = { queue, bytes: queueBytes, window: WINDOW, windowBytes: WINDOW_BYTES };
    this.#dispatcher = new Dispatcher(limits, (image) => this.#poison.set(digest(image), image.length));
    this.#lanes = new Lanes(
      {
        count: options.lanes,
        limits: { maxPixels: options.maxPixels, decoders: DECODERS, threads: options.threads },
        cascades: options.cascades,
        plans: (usable) => this.#plans(usable),
        ...(options.hangMs === undefined ? {} : { hangMs: options.hangMs }),
      },
      {
        attach: (lane) => {
          this.#dispatcher.attach(lane);
          this.#events.laneReady?.(lane.number, lane.pid ?? 0);
        },
        detach: (lane, { cause, fromOutside }) => {
          this.#events.laneDied?.(lane.number, cause);
          this.#dispatcher.detach(lane, fromOutside);
        },
        results: (lane, message) => this.#results(lane, message),
        broken: (error) => this.#events.broken?.(error),
      },
    );
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
    await this.#lanes.start();
    if (this.#cascades.size === 0) {
      this.#lanes.close();
      throw new ConfigError('models', '', 'no cascade can be served: none of them loads');
    }
    this.#ready = true;
  }

  /** True when each lane has been warm, one still is, and the gateway is not on its way out. */
  get ready(): boolean {
    return this.#ready && !this.#draining && this.#lanes.count('ready') > 0;
  }

  get queued(): number {
    return this.#dispatcher.queued;
  }

  get laneCounts(): { ready: number; starting: number } {
    const ready = this.#lanes.count('ready');
    return { ready, starting: this.#options.lanes - ready };
  }

  /** The lanes that have not died. */
  get lanes(): readonly LaneNow[] {
    return this.#lanes.alive.map((lane) => {
      const { number, pid, state } = lane;
      return { number, pid: pid ?? 0, state, requests: this.#dispatcher.load(lane) };
    });
  }

  /** The usable cascades. */
  get cascades(): readonly Cascade[] {
    return [...this.#cascades.values()];
  }

  get policies(): readonly NamedPolicy[] {
    return this.#options.policies;
  }

  facts(cascade: string): CascadeFacts {
    return this.#lanes.facts[cascade] ?? [];
  }

  get defaultCascade(): string {
    const { defaultCascade: wanted } = this.#options;
    const { cascades } = this;
    const cascade =
      cascades.find(({ name }) => name === wanted) ?? cascades.find(({ isDefault }) => isDefault) ?? cascades[0];
    return cascade?.name ?? '';
  }

  get defaultPolicy(): string {
    return this.#options.defaultPolicy;
  }

  /** Which plans there are, as (cascade, policy). */
  get plans(): readonly Plan[] {
    return this.#lanes.plans;
  }

  /** @throws RequestError unknown_cascade, unknown_policy */
  plan(cascadeName?: string, policyName?: string): { plan: Plan; index: number } {
    if (this.#cascades.size === 0) throw new RequestError('starting', 'the lanes are still warming up', 1);
    const cascade = cascadeName ?? this.defaultCascade;
    const policy = policyName ?? this.#options.defaultPolicy;
    const index = this.#lanes.plans.findIndex((plan) => plan.cascade === cascade && plan.policy === policy);
    if (index >= 0) return { plan: this.#lanes.plans[index]!, index };
    if (!this.#cascades.has(cascade)) {
      throw new RequestError(
        'unknown_cascade',
        `no cascade "${cascade}"; there are: ${[...this.#cascades.keys()].join(', ')}`,
      );
    }
    const known = this.#lanes.plans.filter((plan) => plan.cascade === cascade).map((plan) => plan.policy);
    throw new RequestError('unknown_policy', `no policy "${policy}" for ${cascade}; there are: ${known.join(', ')}`);
  }

  /**
   * For a caller who has a body to send: asked before it is read.
   * @throws RequestError overloaded
   */
  admit(): void {
    this.#dispatcher.admit();
  }

  /** @throws RequestError for all that can be wrong with one request */
  async classify(request: ClassifyRequest): Promise<ClassifyResult> {
    if (this.#closed) throw new RequestError('shutting_down', 'the gateway is shutting down', 1);
    const from = performance.now();
    const { plan, index } = this.plan(request.cascade, request.policy);
    if (this.#isPoison(request.image)) {
      throw new RequestError('poison_image', 'this picture has killed two lanes before; it is not tried again');
    }
    const { image, top, deadlineAt, explain, signal } = request;
    const answer = await this.#dispatcher.dispatch({ image, plan: index, top, deadlineAt, explain }, signal);
    const cascade = this.#cascades.get(plan.cascade)!;
    return { cascade, plan, answer, fullMacs: fullMacs(this.facts(plan.cascade)), totalMs: performance.now() - from };
  }

  /** Says "not ready" from now on; requests are still answered. */
  drain(): void {
    this.#draining = true;
  }

  /** Refuses all that is unanswered and ends the lanes; idempotent. */
  async close(): Promise<void> {
    this.#draining = true;
    this.#closed = true;
    this.#dispatcher.close(new RequestError('shutting_down', 'the gateway is shutting down', 1));
    this.#lanes.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #isPoison(image: Uint8Array): boolean {
    for (const length of this.#poison.values()) if (length === image.length) return this.#poison.has(digest(image));
    return false;
  }

  #plans(usable: readonly Cascade[]): readonly Plan[] {
    this.#cascades = new Map(usable.map((cascade) => [cascade.name, cascade]));
    return usable.flatMap((cascade) =>
      this.#options.policies.flatMap((policy) => {
        try {
          return plansFor(policy, cascade);
        } catch (error) {
          if (!(error instanceof ConfigError)) throw error;
          this.#events.broken?.(error);
          return [];
        }
      }),
    );
  }

  #results(lane: Lane, message: Extract<FromLane, { type: 'results' }>): void {
    this.#events.laneWorked?.(lane.number, message.busyMs, message.batches);
    this.#dispatcher.results(lane, message.results);
  }
}

function digest(image: Uint8Array): string {
  return createHash('sha256').update(image).digest('hex');
}
