/**
 * Hands waiting requests to lanes and takes results back. Holds each request's bytes until it has a result, so a lane that dies
 * takes nothing with it. Pure bookkeeping: it starts no process and knows no HTTP. Whether one is taken is said by `admission`, who
 * goes first by `waiting-line`, where by `slots` (`boarding`), who is to blame for a death by `suspects`.
 */

import { RequestError } from '../errors.js';
import type { Job, JobAnswer, JobResult } from '../lane/messages.js';
import { BATCH_SHARE, type Priority, USUAL_PRIORITY } from '../priority.js';
import { type AdmissionLimits, type Ask, refusalOf, type ShedReason } from './admission.js';
import { board } from './boarding.js';
import { type Dispatched, type Entry, jobOf, settle } from './entry.js';
import { watchOver } from './patience.js';
import { type LaneHandle, Slots, type Window } from './slots.js';
import { Suspects } from './suspects.js';
import { WaitingLine } from './waiting-line.js';
import { WaitingTime } from './waiting-time.js';

export type { Dispatched } from './entry.js';
export type { LaneHandle } from './slots.js';

export interface DispatcherLimits extends Pick<AdmissionLimits, 'queue' | 'bytes'>, Window {
  /** As {@link AdmissionLimits}; default: only a request's own deadline counts. */
  readonly maxWaitMs?: number | undefined;
  /** As {@link AdmissionLimits}; default: BATCH_SHARE. */
  readonly batchShare?: number | undefined;
}

/** A request was refused because there is too much to do. */
export interface Shed {
  readonly priority: Priority;
  readonly reason: ShedReason;
}

export interface DispatcherEvents {
  poison(image: Uint8Array): void;
  shed?(shed: Shed): void;
}

/** Pictures that wait for a lane with nothing to do; they are held in memory. */
const IDLE_QUEUE = 16;

export class Dispatcher {
  readonly #limits: AdmissionLimits & Window;
  readonly #events: DispatcherEvents;
  readonly #beside: () => Iterable<Dispatcher>;
  readonly #waiting = { suspects: new Suspects(), line: new WaitingLine(), idle: [] as Entry[] };
  readonly #slots = new Slots();
  readonly #time = new WaitingTime();
  #nextId = 1;
  #heldBytes = 0;

  /** @param beside other dispatchers of the gateway: the limits of queue and bytes hold for all of them together */
  constructor(limits: DispatcherLimits, events: DispatcherEvents, beside: () => Iterable<Dispatcher> = () => []) {
    const { maxWaitMs = Number.POSITIVE_INFINITY, batchShare = BATCH_SHARE } = limits;
    this.#limits = { ...limits, maxWaitMs, batchShare };
    this.#events = events;
    this.#beside = beside;
  }

  /** Requests that wait for a lane. */
  get queued(): number {
    return this.#waiting.line.size + this.#waiting.suspects.size;
  }

  /** Of one priority; those that a lane died with wait apart. */
  queuedOf(priority: Priority): number {
    return this.#waiting.line.sizeOf(priority);
  }

  /** Requests that somebody waits for, with a lane or without. */
  get outstanding(): number {
    let aboard = 0;
    for (const { idle } of this.#slots.entries()) aboard += Number(!idle);
    return this.queued + aboard;
  }

  /** Requests that a lane has on board. */
  load(lane: LaneHandle): number {
    return this.#slots.get(lane)?.onBoard.size ?? 0;
  }

  /** Milliseconds that a request which comes in now is expected to wait; 0 where nothing is known yet. */
  expectedWaitMs(priority: Priority): number {
    this.#tick();
    const isOneLess = priority === 'batch' && this.#slots.keepsOneClear(performance.now());
    return this.#time.expectedMs(priority, this.#slots.size - Number(isOneLess));
  }

  /**
   * Asked also before a body is read.
   * @param ask `waits` false: only places and bytes are asked for
   * @throws RequestError overloaded when one more is not taken
   */
  admit(ask: { [K in keyof Ask]?: Ask[K] | undefined } & { readonly waits?: boolean } = {}): void {
    const {
      waits: isToWait = true,
      priority = USUAL_PRIORITY,
      bytes = 0,
      leftMs = Number.POSITIVE_INFINITY,
      goalMs = Number.POSITIVE_INFINITY,
    } = ask;
    let queued = this.queued;
    let held = this.#heldBytes;
    for (const other of this.#beside()) {
      queued += other.queued;
      held += other.#heldBytes;
    }
    const drainMs = this.expectedWaitMs('batch');
    const waits = { waitMs: isToWait ? this.expectedWaitMs(priority) : 0, drainMs };
    const refusal = refusalOf(this.#limits, { queued, bytes: held, ...waits }, { priority, bytes, leftMs, goalMs });
    if (refusal === undefined) return;
    this.#events.shed?.({ priority, reason: refusal.reason });
    throw new RequestError('overloaded', refusal.detail, refusal.retryAfterSeconds);
  }

  /**
   * @throws RequestError overloaded (at once), deadline_exceeded, client_gone, poison_image, or what the lane says of the picture
   */
  async dispatch(request: Dispatched, signal?: AbortSignal): Promise<JobAnswer> {
    const { image, priority, deadlineAt, goalMs, journey, oneOfMany = false } = request;
    const times = { leftMs: deadlineAt - Date.now(), goalMs };
    this.admit({ priority, bytes: image.length, ...(oneOfMany ? { waits: false } : times) });
    if (signal?.aborted) throw new RequestError('client_gone', 'the caller left');
    return new Promise((resolve, reject) => {
      const id = this.#nextId++;
      const late = () => new RequestError('deadline_exceeded', 'the deadline passed before any exit had an answer');
      const stop = watchOver(deadlineAt, signal, {
        late: () => this.#drop(id, late()),
        stuck: () => this.#giveUp(id, late()),
        gone: () => this.#giveUp(id, new RequestError('client_gone', 'the caller left')),
      });
      this.#heldBytes += image.length;
      const done = () => {
        this.#heldBytes -= image.length;
        stop();
      };
      journey?.waits();
      const job = jobOf(id, request);
      const held = this.#waiting.suspects.against(image);
      const fresh = { ...held, known: held.deaths, idle: false, settled: false };
      const entry = { job, journey, resolve, reject, done, ...fresh };
      if (held.deaths > 0) this.#waiting.suspects.add(entry);
      else this.#waiting.line.add(entry);
      this.#time.entered(job.plan, job.priority);
      this.#pump();
    });
  }

  /**
   * For work that nobody waits for: it goes to a lane that has nothing else on board.
   * @returns undefined where that did not happen soon enough, or went wrong
   */
  async dispatchIdle(request: Omit<Job, 'id' | 'trace' | 'priority'>): Promise<JobAnswer | undefined> {
    const { image } = request;
    if (this.#waiting.idle.length >= IDLE_QUEUE || 2 * (this.#heldBytes + image.length) > this.#limits.bytes)
      return undefined;
    return new Promise((resolve) => {
      this.#heldBytes += image.length;
      const done = () => {
        this.#heldBytes -= image.length;
      };
      const job = jobOf(this.#nextId++, { ...request, priority: 'batch' });
      const reject = () => resolve(undefined);
      const fresh = { deaths: 0, deathsAlone: 0, known: 0, idle: true, settled: false };
      this.#waiting.idle.push({ job, journey: undefined, resolve, reject, done, ...fresh });
      this.#pump();
    });
  }

  /** A lane is ready for work. */
  attach(lane: LaneHandle): void {
    this.#tick();
    this.#slots.attach(lane);
    this.#pump();
  }

  /**
   * A lane died. Its requests are suspects now.
   * @param fromOutside SIGKILL that the gateway did not send: it may be an operator's, so it counts only against a request that was
   *   alone both times (it may also be the kernel's, out of memory, so it does count)
   */
  detach(lane: LaneHandle, fromOutside = false): void {
    this.#tick();
    const slot = this.#slots.detach(lane);
    if (slot === undefined) return;
    const death = { alone: slot.onBoard.size === 1, fromOutside };
    for (const entry of slot.onBoard.values()) {
      if (entry.idle) {
        settle(entry, new RequestError('internal', 'the lane of an audit died'));
        continue;
      }
      const verdict = this.#waiting.suspects.witnessed(entry, death);
      if (verdict !== 'again') this.#forget(entry);
      if (verdict === 'poison') {
        this.#events.poison(entry.job.image);
        const detail = 'two lanes died while they worked on this picture; it is not tried again';
        settle(entry, new RequestError('poison_image', detail));
      }
    }
    this.#pump();
  }

  results(lane: LaneHandle, results: readonly JobResult[]): void {
    this.#tick();
    const slot = this.#slots.get(lane);
    if (slot === undefined) return;
    for (const result of results) {
      const entry = slot.leave(result.id);
      if (entry === undefined) continue;
      this.#forget(entry);
      if (!entry.settled) entry.journey?.answered(result.timings);
      const laneMs = result.inferenceMs + result.decodeMs;
      if (result.ok) {
        this.#waiting.suspects.cleared(entry);
        this.#time.worked(entry.job.plan, laneMs);
        settle(entry, result);
      } else {
        if (['deadline_exceeded', 'client_gone'].includes(result.code)) {
          this.#waiting.suspects.leaves(entry);
          this.#time.spent(laneMs);
        } else {
          this.#waiting.suspects.cleared(entry);
          this.#time.worked(entry.job.plan);
        }
        settle(entry, new RequestError(result.code, result.detail));
      }
    }
    this.#pump();
  }

  /** Refuses all that has no answer yet. */
  close(error: RequestError): void {
    const all = [...this.#waiting.suspects, ...this.#waiting.line, ...this.#waiting.idle, ...this.#slots.entries()];
    for (const entry of all) settle(entry, error);
    this.#waiting.suspects.clear();
    this.#waiting.line.clear();
    this.#waiting.idle.length = 0;
    this.#slots.clear();
  }

  /** Before anything changes on board of a lane. */
  #tick(): void {
    this.#time.advance(this.#slots.busy, performance.now());
  }

  #forget({ idle, job }: Entry): void {
    if (!idle) this.#time.left(job.plan, job.priority);
  }

  /** Refuses a request that still waits; false when a lane has it. */
  #drop(id: number, error: RequestError): boolean {
    const entry = this.#waiting.line.remove(id) ?? this.#waiting.suspects.remove(id);
    if (entry === undefined) return false;
    this.#forget(entry);
    this.#waiting.suspects.leaves(entry);
    settle(entry, error);
    return true;
  }

  /** Refuses a request wherever it is; a lane that has it drops it, after the decode that it is in, and still answers for the place. */
  #giveUp(id: number, error: RequestError): void {
    if (this.#drop(id, error)) return;
    for (const { lane, onBoard } of this.#slots) {
      const entry = onBoard.get(id);
      if (entry === undefined) continue;
      lane.cancel([id]);
      settle(entry, error);
    }
  }

  #pump(): void {
    this.#tick();
    board(this.#slots, this.#waiting, this.#limits, performance.now());
  }
}
