/** Decodes a few pictures at a time, in the order of arrival, on libuv's threads while the lane's own thread infers. */

export interface Timed<T> {
  readonly result: T;
  readonly ms: number;
}

export class DecodeQueue {
  readonly #width: number;
  readonly #waiting: (() => void)[] = [];
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
  async run<T>(work: () => Promise<T>, wanted: () => boolean): Promise<Timed<T> | undefined> {
    if (this.#busy >= this.#width) await new Promise<void>((resolve) => this.#waiting.push(resolve));
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
      const next = this.#waiting.shift();
      if (next === undefined) this.#busy--;
      else next();
    }
  }
}
