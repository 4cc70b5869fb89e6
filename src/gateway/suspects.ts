/**
 * Requests that were on board when a lane died. Each is tried again alone in a lane, before all others. One that kills its second lane
 * is refused as poison; only a request that was alone in the lane can be blamed with certainty. Pure bookkeeping.
 */

import type { Entry } from './entry.js';

export interface Death {
  /** It had the lane to itself. */
  readonly alone: boolean;
  /** SIGKILL that the gateway did not send, see `Dispatcher.detach`. */
  readonly fromOutside: boolean;
}

export class Suspects {
  readonly #waiting: Entry[] = [];

  get size(): number {
    return this.#waiting.length;
  }

  /** Notes a death on a request. @returns `poison`: it is to be refused; `again`: it waits here for a lane of its own */
  witnessed(entry: Entry, { alone, fromOutside }: Death): 'poison' | 'again' {
    entry.journey?.died();
    entry.deaths++;
    if (alone) entry.deathsAlone++;
    if (alone && (fromOutside ? entry.deathsAlone : entry.deaths) >= 2) return 'poison';
    entry.journey?.waits();
    this.#waiting.push(entry);
    return 'again';
  }

  next(): Entry | undefined {
    return this.#waiting.shift();
  }

  /** Undefined when it does not wait here. */
  remove(id: number): Entry | undefined {
    const at = this.#waiting.findIndex(({ job }) => job.id === id);
    return at < 0 ? undefined : this.#waiting.splice(at, 1)[0];
  }

  [Symbol.iterator](): Iterator<Entry> {
    return this.#waiting.values();
  }

  clear(): void {
    this.#waiting.length = 0;
  }
}
