/** Simulated time, and what happens when. */

import { Heap } from './heap.js';

export class Clock {
  readonly #events = new Heap<() => void>();
  #nowMs = 0;

  get nowMs(): number {
    return this.#nowMs;
  }

  at(ms: number, event: () => void): void {
    this.#events.push(Math.max(ms, this.#nowMs), event);
  }

  /** Until nothing happens any more, or that time. */
  run(untilMs = Number.POSITIVE_INFINITY): void {
    while (this.#events.size > 0 && this.#events.leastKey <= untilMs) {
      this.#nowMs = this.#events.leastKey;
      this.#events.pop()!();
    }
  }
}
