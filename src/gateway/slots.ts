/** What each lane has on board, and which lane takes the next request. Pure bookkeeping. */

import type { Job } from '../lane/messages.js';
import type { Entry } from './entry.js';

/** What the dispatcher needs of a lane. */
export interface LaneHandle {
  readonly number: number;
  run(jobs: readonly Job[]): void;
  cancel(ids: readonly number[]): void;
}

export interface Window {
  /** Requests sent to one lane at a time: enough to fill batches, few enough to lose little when it dies. */
  readonly window: number;
  /** Bytes of pictures sent to one lane at a time: they are copied in the gateway's thread. One picture is always sent. */
  readonly windowBytes: number;
}

/** Share of a window that `batch` may fill: an interactive request finds a place in the lane, which runs it first. */
const WINDOW_SHARE = 0.75;
/**
 * Pictures of batch on board of a lane while people ask: one is decoded while the other runs. More of them keep more of its threads at work, and
 * those take the cores of the lane that people are answered by.
 */
const GUARDED_BATCH = 2;
/** For so long after an interactive request one lane of several takes no batch: a run of it that has begun is what the next would wait for. */
const ASK_MS = 1000;

export class Slot {
  readonly onBoard = new Map<number, Entry>();
  /** Of the pictures on board. */
  #bytes = 0;
  #batch = 0;
  /** The lane holds one suspect alone, to learn whether that request kills it. */
  quarantine = false;

  constructor(readonly lane: LaneHandle) {}

  board(entry: Entry): void {
    entry.journey?.boards(this.lane.number);
    this.onBoard.set(entry.job.id, entry);
    this.#count(entry, 1);
    this.lane.run([entry.job]);
  }

  /** Undefined when it was not on board. */
  leave(id: number): Entry | undefined {
    const entry = this.onBoard.get(id);
    if (entry === undefined) return undefined;
    this.onBoard.delete(id);
    this.#count(entry, -1);
    if (this.onBoard.size === 0) this.quarantine = false;
    return entry;
  }

  /** Pictures of `interactive` on board. */
  get interactive(): number {
    return this.onBoard.size - this.#batch;
  }

  /** @param peopleAsk whether interactive requests come */
  hasRoomFor({ job }: Entry, { window, windowBytes }: Window, peopleAsk: boolean): boolean {
    if (this.onBoard.size >= window) return false;
    const most = Math.max(1, Math.floor(WINDOW_SHARE * window));
    if (job.priority === 'batch' && this.#batch >= (peopleAsk ? Math.min(GUARDED_BATCH, most) : most)) return false;
    return this.#bytes === 0 || this.#bytes + job.image.length <= windowBytes;
  }

  #count({ job }: Entry, sign: 1 | -1): void {
    this.#bytes += sign * job.image.length;
    if (job.priority === 'batch') this.#batch += sign;
  }
}

export class Slots {
  readonly #slots = new Map<LaneHandle, Slot>();
  #interactiveMs = Number.NEGATIVE_INFINITY;

  get size(): number {
    return this.#slots.size;
  }

  /** Lanes with something on board. */
  get busy(): number {
    let busy = 0;
    for (const { onBoard } of this.#slots.values()) busy += Number(onBoard.size > 0);
    return busy;
  }

  /** Lanes that hold a suspect. */
  get quarantined(): number {
    let count = 0;
    for (const { quarantine } of this.#slots.values()) count += Number(quarantine);
    return count;
  }

  get(lane: LaneHandle): Slot | undefined {
    return this.#slots.get(lane);
  }

  attach(lane: LaneHandle): void {
    this.#slots.set(lane, new Slot(lane));
  }

  detach(lane: LaneHandle): Slot | undefined {
    const slot = this.#slots.get(lane);
    this.#slots.delete(lane);
    return slot;
  }

  /** Lanes that take new requests. @param reserved of them so many shall run empty first, for suspects */
  open(reserved: number): readonly Slot[] {
    return [...this.#slots.values()].filter(({ quarantine }) => !quarantine).slice(reserved);
  }

  /** Whether one lane takes no batch now, because interactive requests come and others take it. */
  keepsOneClear(nowMs: number): boolean {
    return this.#slots.size > 1 && this.#peopleAsk(nowMs);
  }

  #peopleAsk(nowMs: number): boolean {
    return nowMs - this.#interactiveMs < ASK_MS;
  }

  /**
   * Where the next request goes, of those that have room: an interactive one to the lane with the fewest of its kind, and of those to the
   * emptiest.
   * @param open as {@link open} gives them
   */
  placeFor(entry: Entry, open: readonly Slot[], window: Window, nowMs: number): Slot | undefined {
    const size = ({ onBoard }: Slot) => onBoard.size;
    const peopleAsk = this.#peopleAsk(nowMs);
    const withRoom = (slots: readonly Slot[]) => slots.filter((slot) => slot.hasRoomFor(entry, window, peopleAsk));
    if (entry.job.priority === 'batch') return fewest(withRoom(this.keepsOneClear(nowMs) ? open.slice(1) : open), size);
    this.#interactiveMs = nowMs;
    const places = withRoom(open);
    const least = Math.min(...places.map(({ interactive }) => interactive));
    return fewest(
      places.filter(({ interactive }) => interactive === least),
      size,
    );
  }

  /** Everything on board of any lane. */
  *entries(): Generator<Entry> {
    for (const { onBoard } of this.#slots.values()) yield* onBoard.values();
  }

  [Symbol.iterator](): Iterator<Slot> {
    return this.#slots.values();
  }

  clear(): void {
    this.#slots.clear();
  }
}

/** The first of those with the least. */
function fewest(slots: readonly Slot[], countOf: (slot: Slot) => number): Slot | undefined {
  let best: Slot | undefined;
  for (const slot of slots) if (best === undefined || countOf(slot) < countOf(best)) best = slot;
  return best;
}
