/**
 * API keys by their SHA-256. A fast hash is right here: our keys are 128 random bits and more, which nobody guesses however fast the
 * hash is, and a slow one would let anybody keep the gateway busy with wrong keys. Passwords would need a slow one: keys of the file
 * that are shorter than {@link SHORTEST_KEY} are refused, whatever their hash.
 */

import { createHash, timingSafeEqual } from 'node:crypto';
import type { ApiKey } from './keys-file.js';
import { TokenBuckets } from './token-bucket.js';

/** Characters of 120 random bits as base64url. */
export const SHORTEST_KEY = 20;

/** A key with what its caller has taken of its limits. */
export interface HeldKey {
  readonly key: ApiKey;
  readonly hash: Buffer;
  readonly buckets: TokenBuckets | undefined;
  /** Requests that run; the same object as long as the key has its name. */
  readonly running: { count: number };
}

export class KeyRing {
  #held: readonly HeldKey[] = [];

  get size(): number {
    return this.#held.length;
  }

  /** These from now on. What a caller has taken stays taken where its name and rate are the same. */
  replace(keys: readonly ApiKey[]): void {
    const before = new Map(this.#held.map((held) => [held.key.name, held]));
    this.#held = keys.map((key) => {
      const same = before.get(key.name);
      const hash = Buffer.from(key.sha256, 'hex');
      return { key, hash, buckets: bucketsOf(key, same?.buckets), running: same?.running ?? { count: 0 } };
    });
  }

  get keys(): readonly ApiKey[] {
    return this.#held.map(({ key }) => key);
  }

  /**
   * Every key is compared, so that time tells nothing about which one is near.
   * @param hash of it, where it is known already
   */
  find(given: string, hash = sha256(given)): HeldKey | undefined {
    const matches = this.#held.map((held) => timingSafeEqual(held.hash, hash));
    return given.length < SHORTEST_KEY ? undefined : this.#held[matches.indexOf(true)];
  }
}

export function sha256(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}

function bucketsOf({ rate, burst }: ApiKey, before: TokenBuckets | undefined): TokenBuckets | undefined {
  if (rate === undefined) return undefined;
  const wanted = { perSecond: rate, burst: burst ?? Math.max(1, Math.ceil(rate)) };
  const isSame = before?.rate.perSecond === wanted.perSecond && before.rate.burst === wanted.burst;
  return isSame ? before : new TokenBuckets(wanted);
}
