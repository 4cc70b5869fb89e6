/**
 * Hands waiting requests to lanes and takes results back. Holds each request's bytes until it has a result, so a lane that dies
 * takes nothing with it. Pure bookkeeping: it starts no process and knows no HTTP.
 */

import { RequestError } from '../errors.js';
import type { Job, JobAnswer, JobResult } from '../lane/messages.js';
import type { Journey } from './journey.js';

/** What the dispatcher needs of a lane. */
export interface LaneHandle {
  readonly number: number;
  run(jobs: readonly Job[]): void;
  cancel(ids: readonly number[]): void;
}

/** What is to be done, and for a sampled request where its times are noted. */
export interface Dispatched extends Omit<Job, 'id' | 'trace'> {
  readonly journey?: Journey | undefined;
}

interface Entry {
  readonly job: Job;
  readonly journey: Journey | undefined;
  readonly resolve: (answer: JobAnswer) => void;
  readonly reject: (error: RequestError) => void;
  readonly done: () => void;
  /** Lanes that died with this request on board, and those of them in which it was alone. */
  deaths: number;
  deathsAlone: number;
  /** Work that nobody waits for: it may be lost. */
  readonly idle: boolean;
  /** The caller has been told something, or left: what the lane says of it counts only for its place. */
  settled: boolean;
}

interface Slot {
  readonly onBoard: Map<number, Entry>;
  /** Of the pictures on board. */
  bytes: number;
  /** The lane holds one suspect alone, to learn whether that request kills it. */
  quarantine: boolean;
}

export interface DispatcherLimits {
  /** Requests that wait for a lane; one more is refused. */
  readonly queue: number;
  /** Bytes of all pictures that are held, waiting or in a lane; one more picture is refused. */
  readonly bytes: number;
  /** Requests sent to one lane at a time: enough to fill batches, few enough to lose little when it dies. */
  readonly window: number;
  /** Bytes of pictures sent to one lane at a time: they are copied in the gateway's thread. One picture is always sent. */
  readonly windowBytes: number;
}

/** Pictures that wait for a lane with nothing to do; they are held in memory. */
const IDLE_QUEUE = 16;
/** A lane answers by the deadline with its best exit; one that has not after this long is stuck in a run or a decode. */
const LANE_GRACE_MS = 500;

export class Dispatcher {
  readonly #limits: DispatcherLimits;
  readonly #waiting = new Map<number, Entry>();
  readonly #suspects: Entry[] = [];
  readonly #idle: Entry[] = [];
  readonly #slots = new Map<LaneHandle, Slot>();
  readonly #onPoison: (image: Uint8Array) => void;
  readonly #beside: () => Iterable<Dispatcher>;
  #nextId = 1;
  #heldBytes = 0;
  #recentMs = 0;

  /** @param beside other dispatchers of the gateway: the limits of queue and bytes hold for all of them together */
  constructor(
    limits: DispatcherLimits,
    onPoison: (image: Uint8Array) => void,
    beside: () => Iterable<Dispatcher> = () => [],
  ) {
    this.#limits = limits;
    this.#onPoison = onPoison;
    this.#beside = beside;
  }

  /** Requests that wait for a lane. */
  get queued(): number {
    return this.#waiting.size + this.#suspects.length;
  }

  /** Requests that somebody waits for, with a lane or without. */
  get outstanding(): number {
    let aboard = 0;
    for (const { onBoard } of this.#slots.values()) for (const { idle } of onBoard.values()) aboard += Number(!idle);
    return this.queued + aboard;
  }

  /** Requests that a lane has on board. */
  load(lane: LaneHandle): number {
    return this.#slots.get(lane)?.onBoard.size ?? 0;
  }

  /** Seconds until a place in the queue is likely: what Retry-After says. */
  get retryAfterSeconds(): number {
    const lanes = Math.max(1, this.#slots.size);
    return Math.max(1, Math.ceil((this.#recentMs * this.queued) / (lanes * 1000)));
  }

  /**
   * Asked also before a body is read.
   * @throws RequestError overloaded when there is no place for one more
   */
  admit(bytes = 0): void {
    let queued = this.queued;
    let held = this.#heldBytes + bytes;
    for (const other of this.#beside()) {
      queued += other.queued;
      held += other.#heldBytes;
    }
    if (queued < this.#limits.queue && held <= this.#limits.bytes) return;
    const detail = `the gateway has ${queued} requests waiting and takes no more for the moment`;
    throw new RequestError('overloaded', detail, this.retryAfterSeconds);
  }

  /**
   * @throws RequestError overloaded (at once), deadline_exceeded, client_gone, poison_image, or what the lane says of the picture
   */
  async dispatch(request: Dispatched, signal?: AbortSignal): Promise<JobAnswer> {
    this.admit(request.image.length);
    if (signal?.aborted) throw new RequestError('client_gone', 'the caller left');
    return new Promise((resolve, reject) => {
      const id = this.#nextId++;
      const leave = () => this.#giveUp(id, new RequestError('client_gone', 'the caller left'));
      let timer = Number.isFinite(request.deadlineAt)
        ? setTimeout(
            () => {
              const late = new RequestError('deadline_exceeded', 'the deadline passed before any exit had an answer');
              if (this.#drop(id, late)) return;
              timer = setTimeout(() => this.#giveUp(id, late), LANE_GRACE_MS);
            },
            Math.max(0, request.deadlineAt - Date.now()),
          )
        : undefined;
      this.#heldBytes += request.image.length;
      const done = () => {
        this.#heldBytes -= request.image.length;
        clearTimeout(timer);
        signal?.removeEventListener('abort', leave);
      };
      signal?.addEventListener('abort', leave, { once: true });
      request.journey?.waits();
      this.#waiting.set(id, {
        job: jobOf(id, request),
        journey: request.journey,
        resolve,
        reject,
        done,
        deaths: 0,
        deathsAlone: 0,
        idle: false,
        settled: false,
      });
      this.#pump();
    });
  }

  /**
   * For work that nobody waits for: it goes to a lane that has nothing else on board.
   * @returns undefined where that did not happen soon enough, or went wrong
   */
  async dispatchIdle(request: Omit<Job, 'id' | 'trace'>): Promise<JobAnswer | undefined> {
    const { image } = request;
    if (this.#idle.length >= IDLE_QUEUE || 2 * (this.#heldBytes + image.length) > this.#limits.bytes) return undefined;
    return new Promise((resolve) => {
      this.#heldBytes += image.length;
      const done = () => {
        this.#heldBytes -= image.length;
      };
      const job = { ...request, id: this.#nextId++ };
      const reject = () => resolve(undefined);
      const entry = { job, journey: undefined, resolve, reject, done, deaths: 0, deathsAlone: 0 };
      this.#idle.push({ ...entry, idle: true, settled: false });
      this.#pump();
    });
  }

  /** A lane is ready for work. */
  attach(lane: LaneHandle): void {
    this.#slots.set(lane, { onBoard: new Map(), bytes: 0, quarantine: false });
    this.#pump();
  }

  /**
   * A lane died. Its requests are suspects now: each is tried again alone in a lane, before all others. One that kills its second
   * lane is refused as poison; only a request that was alone in the lane can be blamed with certainty.
   * @param fromOutside SIGKILL that the gateway did not send: it may be an operator's, so it counts only against a request that was
   *   alone both times (it may also be the kernel's, out of memory, so it does count)
   */
  detach(lane: LaneHandle, fromOutside = false): void {
    const slot = this.#slots.get(lane);
    if (slot === undefined) return;
    this.#slots.delete(lane);
    const alone = slot.onBoard.size === 1;
    for (const entry of slot.onBoard.values()) {
      if (entry.settled) continue;
      if (entry.idle) {
        this.#settle(entry, new RequestError('internal', 'the lane of an audit died'));
        continue;
      }
      entry.journey?.died();
      entry.deaths++;
      if (alone) entry.deathsAlone++;
      if (alone && (fromOutside ? entry.deathsAlone : entry.deaths) >= 2) {
        this.#onPoison(entry.job.image);
        this.#settle(
          entry,
          new RequestError('poison_image', 'two lanes died while they worked on this picture; it is not tried again'),
        );
      } else {
        entry.journey?.waits();
        this.#suspects.push(entry);
      }
    }
    this.#pump();
  }

  results(lane: LaneHandle, results: readonly JobResult[]): void {
    const slot = this.#slots.get(lane);
    if (slot === undefined) return;
    for (const result of results) {
      const entry = slot.onBoard.get(result.id);
      if (entry === undefined) continue;
      slot.onBoard.delete(result.id);
      slot.bytes -= entry.job.image.length;
      if (!entry.settled) entry.journey?.answered(result.timings);
      if (result.ok) {
        const ms = result.inferenceMs + result.decodeMs;
        this.#recentMs = this.#recentMs === 0 ? ms : 0.95 * this.#recentMs + 0.05 * ms;
        this.#settle(entry, result);
      } else {
        this.#settle(entry, new RequestError(result.code, result.detail));
      }
    }
    if (slot.onBoard.size === 0) slot.quarantine = false;
    this.#pump();
  }

  /** Refuses all that has no answer yet. */
  close(error: RequestError): void {
    const aboard = [...this.#slots.values()].flatMap((slot) => [...slot.onBoard.values()]);
    for (const entry of [...this.#suspects, ...this.#waiting.values(), ...this.#idle, ...aboard])
      this.#settle(entry, error);
    this.#suspects.length = 0;
    this.#idle.length = 0;
    this.#waiting.clear();
    this.#slots.clear();
  }

  #settle(entry: Entry, outcome: JobAnswer | RequestError): void {
    if (entry.settled) return;
    entry.settled = true;
    entry.done();
    if (outcome instanceof RequestError) entry.reject(outcome);
    else entry.resolve(outcome);
  }

  /** Refuses a request that still waits; false when a lane has it. */
  #drop(id: number, error: RequestError): boolean {
    const suspect = this.#suspects.findIndex((entry) => entry.job.id === id);
    const entry = this.#waiting.get(id) ?? this.#suspects[suspect];
    if (entry === undefined) return false;
    this.#waiting.delete(id);
    if (suspect >= 0) this.#suspects.splice(suspect, 1);
    this.#settle(entry, error);
    return true;
  }

  /** Refuses a request wherever it is; a lane that has it drops it before its next run, and still answers for the place. */
  #giveUp(id: number, error: RequestError): void {
    if (this.#drop(id, error)) return;
    for (const [lane, slot] of this.#slots) {
      const entry = slot.onBoard.get(id);
      if (entry === undefined) continue;
      lane.cancel([id]);
      this.#settle(entry, error);
    }
  }

  #isFull(slot: Slot, next: Entry): boolean {
    const { window, windowBytes } = this.#limits;
    return slot.onBoard.size >= window || (slot.bytes > 0 && slot.bytes + next.job.image.length > windowBytes);
  }

  #pump(): void {
    for (const [lane, slot] of this.#slots) {
      const suspect = slot.onBoard.size === 0 ? this.#suspects.shift() : undefined;
      if (suspect === undefined) continue;
      slot.quarantine = true;
      board(lane, slot, suspect);
      lane.run([suspect.job]);
    }
    // A lane that shall take a suspect must run empty first.
    const open = [...this.#slots].filter(([, slot]) => !slot.quarantine).slice(this.#suspects.length);
    for (const entry of this.#waiting.values()) {
      let best: [LaneHandle, Slot] | undefined;
      for (const lane of open) if (best === undefined || lane[1].onBoard.size < best[1].onBoard.size) best = lane;
      if (best === undefined || this.#isFull(best[1], entry)) break;
      this.#waiting.delete(entry.job.id);
      board(best[0], best[1], entry);
      best[0].run([entry.job]);
    }
    if (this.#waiting.size > 0) return;
    for (const [lane, slot] of open) {
      const entry = slot.onBoard.size === 0 ? this.#idle.shift() : undefined;
      if (entry === undefined) continue;
      board(lane, slot, entry);
      lane.run([entry.job]);
    }
  }
}

function jobOf(id: number, { journey, ...asked }: Dispatched): Job {
  const job = { ...asked, id };
  return journey === undefined ? job : { ...job, trace: journey.context };
}

function board(lane: LaneHandle, slot: Slot, entry: Entry): void {
  entry.journey?.boards(lane.number);
  slot.onBoard.set(entry.job.id, entry);
  slot.bytes += entry.job.image.length;
}
