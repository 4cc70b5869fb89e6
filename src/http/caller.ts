/** Who calls, as the gateway knows it, and what it may. */

import { RequestError } from '../errors.js';
import type { HeldKey } from './key-ring.js';
import type { ApiKey } from './keys-file.js';
import type { TokenBuckets } from './token-bucket.js';

/** When a place is free again is the caller's own doing. */
const CONCURRENCY_RETRY_SECONDS = 1;

export class Caller {
  readonly #held: HeldKey | undefined;
  readonly #buckets: TokenBuckets | undefined;

  /**
   * @param id the address, or a name of the key; never the key itself
   * @param common buckets of callers without a rate of their own
   */
  constructor(
    readonly id: string,
    common: TokenBuckets | undefined,
    held?: HeldKey,
  ) {
    this.#held = held;
    this.#buckets = held?.buckets ?? common;
  }

  /** Undefined: it has no limits of its own. */
  get key(): ApiKey | undefined {
    return this.#held?.key;
  }

  /** Whether its key may use it; without a key of its own, everything. */
  mayUse(what: 'cascades' | 'policies', name: string): boolean {
    return this.key?.[what]?.includes(name) ?? true;
  }

  /** @throws RequestError rate_limited */
  takeToken(nowMs: number): void {
    const waitMs = this.#buckets?.take(this.id, nowMs) ?? 0;
    if (waitMs === 0) return;
    const { perSecond, burst } = this.#buckets!.rate;
    const detail = `more than ${perSecond} requests a second, ${burst} at once; each picture of a request counts`;
    throw new RequestError('rate_limited', detail, Math.max(1, Math.ceil(waitMs / 1000)));
  }

  /** Takes further tokens for a request that was let in, whether they are there or not: how many it needs, its body says. */
  owe(tokens: number, nowMs: number): void {
    this.#buckets?.owe(this.id, tokens, nowMs);
  }

  /**
   * Takes one of the places of its key, until it is disposed of.
   * @throws RequestError rate_limited
   */
  enter(): Disposable {
    const held = this.#held;
    const most = held?.key.concurrency ?? Number.POSITIVE_INFINITY;
    if (held !== undefined && held.running.count >= most)
      throw new RequestError('rate_limited', `more than ${most} requests at a time`, CONCURRENCY_RETRY_SECONDS);
    if (held !== undefined) held.running.count++;
    let left = false;
    return {
      [Symbol.dispose]: () => {
        if (held !== undefined && !left) held.running.count--;
        left = true;
      },
    };
  }
}
