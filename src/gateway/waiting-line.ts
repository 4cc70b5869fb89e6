/**
 * Requests that wait for a lane: a line for each priority, each in the order of arrival. `interactive` goes first; while both wait, one
 * of every {@link BATCH_TURN} is of `batch`. Pure.
 */

import { type Priority, Turns } from '../priority.js';
import type { Entry } from './entry.js';

export class WaitingLine {
  readonly #lines: Readonly<Record<Priority, Map<number, Entry>>> = { interactive: new Map(), batch: new Map() };
  readonly #turns = new Turns();

  get size(): number {
    return this.#lines.interactive.size + this.#lines.batch.size;
  }

  sizeOf(priority: Priority): number {
    return this.#lines[priority].size;
  }

  add(entry: Entry): void {
    this.#lines[entry.job.priority].set(entry.job.id, entry);
  }

  /** Undefined when it does not wait here. */
  remove(id: number): Entry | undefined {
    for (const line of Object.values(this.#lines)) {
      const entry = line.get(id);
      if (line.delete(id)) return entry;
    }
    return undefined;
  }

  /**
   * Takes out whose turn it is.
   * @param fits whether there is a place for it now
   * @returns undefined when there is none
   */
  take(fits: (entry: Entry) => boolean): Entry | undefined {
    const [interactive] = this.#lines.interactive.values();
    const [batch] = this.#lines.batch.values();
    const order = this.#turns.first === 'batch' ? [batch, interactive] : [interactive, batch];
    for (const entry of order) {
      if (entry === undefined) continue;
      const { priority, id } = entry.job;
      if (fits(entry)) {
        this.#lines[priority].delete(id);
        this.#turns.took(priority, batch !== undefined);
        return entry;
      }
      // A large picture waits for its place: small ones of batch shall not take it again and again.
      if (priority === 'interactive') return undefined;
    }
    return undefined;
  }

  /** All of them. */
  *[Symbol.iterator](): Generator<Entry> {
    for (const line of Object.values(this.#lines)) yield* line.values();
  }

  clear(): void {
    for (const line of Object.values(this.#lines)) line.clear();
  }
}
