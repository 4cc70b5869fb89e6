/** Remembers pictures: those that kill lanes, and those that may. */

import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';

/** Pictures remembered; the least recently asked for is forgotten first. */
const MOST = 1000;

export class PictureMemory<Value extends {}> {
  /** By SHA-256; only a picture of such a length has to be hashed. */
  readonly #known: LRUCache<string, { readonly length: number; readonly value: Value }>;

  /** @param forMs how long one is remembered; default: until others take its place */
  constructor(forMs = 0) {
    this.#known = new LRUCache({ max: MOST, ttl: forMs });
  }

  set(image: Uint8Array, value: Value): void {
    this.#known.set(digest(image), { length: image.length, value });
  }

  get(image: Uint8Array): Value | undefined {
    for (const { length } of this.#known.values())
      if (length === image.length) return this.#known.get(digest(image))?.value;
    return undefined;
  }

  delete(image: Uint8Array): void {
    if (this.#known.size > 0) this.#known.delete(digest(image));
  }
}

function digest(image: Uint8Array): string {
  return createHash('sha256').update(image).digest('hex');
}
