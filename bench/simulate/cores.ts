/**
 * The cores of one machine, shared as a kernel shares them: as long as there are more threads with work than cores, all of them get on
 * at the same speed (processor sharing). With more cores busy each of them may be slower, by what was measured.
 */

import type { Clock } from './clock.js';
import { Heap } from './heap.js';

export class Cores {
  readonly #clock: Clock;
  readonly #cores: number;
  readonly #contention: number;
  /** By the progress at which each is done. */
  readonly #active = new Heap<() => void>();
  /** Milliseconds of work that a thread which was there from the start would have got. */
  #progressMs = 0;
  #seenMs = 0;
  #version = 0;
  #workMs = 0;

  /** @param contention time of a run with all cores busy / time of the same run alone, 1 and more */
  constructor(clock: Clock, cores: number, contention = 1) {
    this.#clock = clock;
    this.#cores = cores;
    this.#contention = contention;
  }

  /** Milliseconds of work given so far. */
  get workMs(): number {
    return this.#workMs;
  }

  /** @param workMs that it takes on a machine with nothing else to do */
  run(workMs: number, done: () => void): void {
    this.#advance();
    this.#workMs += workMs;
    this.#active.push(this.#progressMs + workMs, done);
    this.#plan();
  }

  /** Progress of each thread a millisecond. */
  get #speed(): number {
    const active = this.#active.size;
    const busy = Math.min(active, this.#cores);
    const share = this.#cores === 1 ? 0 : (busy - 1) / (this.#cores - 1);
    return busy / active / (1 + (this.#contention - 1) * share);
  }

  #advance(): void {
    const now = this.#clock.nowMs;
    if (this.#active.size > 0) this.#progressMs += (now - this.#seenMs) * this.#speed;
    this.#seenMs = now;
  }

  #plan(): void {
    const version = ++this.#version;
    if (this.#active.size === 0) return;
    const inMs = Math.max(0, this.#active.leastKey - this.#progressMs) / this.#speed;
    this.#clock.at(this.#clock.nowMs + inMs, () => {
      // Somebody came or left meanwhile: another event stands for this one.
      if (version === this.#version) this.#finish();
    });
  }

  #finish(): void {
    this.#advance();
    // What rounding left of it must not cost another event.
    this.#progressMs = Math.max(this.#progressMs, this.#active.leastKey);
    const done = this.#active.pop()!;
    this.#plan();
    done();
  }
}
