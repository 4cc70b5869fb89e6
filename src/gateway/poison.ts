/** Remembers pictures that kill lanes. */

import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';

/** Pictures remembered; the least recently asked for is forgotten first. */
const MOST = 1000;

export class PoisonMemory {
  /** Lengths of deadly pictures, by SHA-256: only a picture of such a length has to be hashed. */
  readonly #lengths = new LRUCache<string, number>({ max: MOST });

  add(image: Uint8Array): void {
    this.#lengths.set(digest(image), image.length);
  }

  has(image: Uint8Array): boolean {
    for (const length of this.#lengths.values()) if (length === image.length) return this.#lengths.has(digest(image));
    return false;
  }
}

function digest(image: Uint8Array): string {
  return createHash('sha256').update(image).digest('hex');
}
