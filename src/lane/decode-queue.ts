/**
 * Decodes a few pictures at a time on libuv's threads while the lane's own thread infers: in the order of arrival, `interactive` before
 * `batch` but for its turns.
 */

import { type Priority, Turns } from '../priority.js';

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

  /** @param width pictures decoded at a time */
  constructor(width: number) {
    this.#width = width;
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
    priority: Priority = 'interactive',
  ): Promise<Timed<T> | undefined> {
    if (this.#busy >= this.#width) await new Promise<void>((resolve) => this.#waiting[priority].push(resolve));
    else this.#busy++;
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

  /** Hands the free decoder on. */
  #next(): void {
    const { interactive, batch } = this.#waiting;
    const wanted = this.#turns.first === 'batch' ? batch : interactive;
    const queue = wanted.length > 0 ? wanted : wanted === batch ? interactive : batch;
    const next = queue.shift();
    if (next === undefined) {
      this.#busy--;
      return;
    }
    this.#turns.took(queue === batch ? 'batch' : 'interactive', batch.length > 0);
    next();
  }
}
