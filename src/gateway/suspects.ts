/**
 * Requests that were on board when a lane died. Each is tried again alone in a lane, before all others. One that kills its second lane
 * is refused as poison; only a request that was alone in the lane can be blamed with certainty. Pure bookkeeping.
 */

import type { Entry } from './entry.js';
import { PictureMemory } from './picture-memory.js';

export interface Death {
  /** It had the lane to itself. */
  readonly alone: boolean;
  /** SIGKILL that the gateway did not send, see `Dispatcher.detach`. */
  readonly fromOutside: boolean;
}

/** Lanes that died with a picture on board, and those of them in which it was alone. */
export interface Deaths {
  readonly deaths: number;
  readonly deathsAlone: number;
}

const NONE: Deaths = { deaths: 0, deathsAlone: 0 };
/** For so long a death is held against a picture. */
const UNCLEAR_MS = 600_000;

export class Suspects {
  readonly #waiting: Entry[] = [];
  /** Of callers who left, or whose deadline passed, before a lane had answered: the same picture is not new when it comes again. */
  readonly #unclear = new PictureMemory<Deaths>(UNCLEAR_MS);

  get size(): number {
    return this.#waiting.length;
  }

  /** What is known against a picture that comes in. */
  against(image: Uint8Array): Deaths {
    return this.#unclear.get(image) ?? NONE;
  }

  /** It waits here for a lane of its own. */
  add(entry: Entry): void {
    this.#waiting.push(entry);
  }

  /** Notes a death on a request. @returns `poison`: it is to be refused; `again`: it waits here; `gone`: nobody waits for it */
  witnessed(entry: Entry, { alone, fromOutside }: Death): 'poison' | 'again' | 'gone' {
    entry.journey?.died();
    entry.deaths++;
    if (alone) entry.deathsAlone++;
    if (alone && (fromOutside ? entry.deathsAlone : entry.deaths) >= 2) {
      this.#unclear.delete(entry.job.image);
      return 'poison';
    }
    if (entry.settled) {
      this.leaves(entry);
      return 'gone';
    }
    entry.journey?.waits();
    this.add(entry);
    return 'again';
  }

  /** A request ends without an answer of a lane. */
  leaves({ job, deaths, deathsAlone, known }: Entry): void {
    // What was known begins no new time.
    if (deaths > known) this.#unclear.set(job.image, { deaths, deathsAlone });
  }

  /** A lane has answered it, and lives. */
  cleared({ job, deaths }: Entry): void {
    if (deaths > 0) this.#unclear.delete(job.image);
  }

  /** Somebody may wait for an answer to an interactive one: it comes first. */
  next(): Entry | undefined {
    const at = this.#waiting.findIndex(({ job }) => job.priority === 'interactive');
    return at < 0 ? this.#waiting.shift() : this.#waiting.splice(at, 1)[0];
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
