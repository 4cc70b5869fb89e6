/** Threads that share one queue: an event loop is one, the decoders of a lane are two. In the order of arrival. */

import type { Clock } from './clock.js';
import type { Cores } from './cores.js';

interface Task {
  readonly workMs: () => number;
  readonly done: () => void;
}

export class Threads {
  readonly #clock: Clock;
  readonly #cores: Cores;
  readonly #width: number;
  #waiting: Task[] = [];
  /** Those before it have been taken: an array is shortened now and then, not with each. */
  #head = 0;
  #running = 0;
  #busyMs = 0;
  #seenMs = 0;

  constructor(clock: Clock, cores: Cores, width = 1) {
    this.#clock = clock;
    this.#cores = cores;
    this.#width = width;
  }

  /** Milliseconds in which threads had something to do, or waited for a core to do it. */
  get busyMs(): number {
    this.#look();
    return this.#busyMs;
  }

  /** @param workMs asked when it starts: what a run takes depends on who is there by then */
  run(workMs: () => number, done: () => void): void {
    this.#waiting.push({ workMs, done });
    this.#next();
  }

  #next(): void {
    while (this.#running < this.#width && this.#head < this.#waiting.length) {
      const task = this.#waiting[this.#head++]!;
      if (this.#head > 1024 && 2 * this.#head > this.#waiting.length) {
        this.#waiting = this.#waiting.slice(this.#head);
        this.#head = 0;
      }
      this.#look();
      this.#running++;
      this.#cores.run(task.workMs(), () => {
        this.#look();
        this.#running--;
        task.done();
        this.#next();
      });
    }
  }

  #look(): void {
    this.#busyMs += this.#running * (this.#clock.nowMs - this.#seenMs);
    this.#seenMs = this.#clock.nowMs;
  }
}
