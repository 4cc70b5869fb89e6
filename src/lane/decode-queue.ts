/**
 * Decodes a few pictures at a time on libuv's threads while the lane's own thread infers: in the order of arrival, `interactive` before
 * `batch` but for its turns. Batch may be told to stand back even where a decoder is free.
 */

import { type Priority, Turns, USUAL_PRIORITY } from '../priority.js';

export interface Timed<T> {
  readonly result: T;
  readonly ms: number;
}

export class DecodeQueue {
  readonly #width: number;
  readonly #waiting: Readonly<Record<Priority, (() => void)[]>> = { interactive: [], batch: [] };
  readonly #turns = new Turns();
  readonly #started = new Set<{ readonly from: number }>();
  #busy = 0;

  readonly #standsBack: () => boolean;

  /**
   * @param width pictures decoded at a time
   * @param standsBack whether batch starts nothing now but in its turns; when that ends, `wake` is to be called
   */
  constructor(width: number, standsBack: () => boolean = () => false) {
    this.#width = width;
    this.#standsBack = standsBack;
  }

  /** For how long the oldest decode of now has been at it; 0 when there is none. */
  get oldestMs(): number {
    const now = performance.now();
    return Math.max(0, ...[...this.#started].map(({ from }) => now - from));
  }

  /**
   * @param wanted asked just before the work starts; undefined comes back when it says no
   * @throws what the work throws
   */
  async run<T>(
    work: () => Promise<T>,
    wanted: () => boolean,
    priority: Priority = USUAL_PRIORITY,
  ): Promise<Timed<T> | undefined> {
    if (this.#busy < this.#width && (priority === 'interactive' || this.#batchMayStart)) {
      this.#busy++;
      this.#turns.took(priority, this.#waiting.batch.length > 0);
    } else await new Promise<void>((resolve) => this.#waiting[priority].push(resolve));
    try {
      if (!wanted()) return undefined;
      const started = { from: performance.now() };
      this.#started.add(started);
      try {
        const result = await work();
        return { result, ms: performance.now() - started.from };
      } finally {
        this.#started.delete(started);
      }
    } finally {
      this.#next();
    }
  }

  /** Batch need not stand back any more: free decoders take what waits. */
  wake(): void {
    for (let next = this.#take(); next !== undefined; next = this.#take()) {
      this.#busy++;
      next();
    }
  }

  get #batchMayStart(): boolean {
    return this.#turns.first === 'batch' || !this.#standsBack();
  }

  /** Hands the free decoder on. */
  #next(): void {
    this.#busy--;
    this.wake();
  }

  /** Takes out who is next, if there is a decoder for it. */
  #take(): (() => void) | undefined {
    if (this.#busy >= this.#width) return undefined;
    const { interactive, batch } = this.#waiting;
    const isBatch =
      batch.length > 0 && this.#batchMayStart && (this.#turns.first === 'batch' || interactive.length === 0);
    const next = (isBatch ? batch : interactive).shift();
    if (next !== undefined) this.#turns.took(isBatch ? 'batch' : 'interactive', batch.length > 0);
    return next;
  }
}
