/** Who calls, as the gateway knows it, and what it may. */

import { RequestError } from '../errors.js';
import type { HeldKey } from './key-ring.js';
import type { ApiKey } from './keys-file.js';
import type { TokenBuckets } from './token-bucket.js';

/** When a place is free again is the caller's own doing. */
const CONCURRENCY_RETRY_SECONDS = 1;

export class Caller {
  readonly #held: HeldKey | undefined;

  /** @param id the address, or a name of the key; never the key itself */
  constructor(
    readonly id: string,
    held?: HeldKey,
  ) {
    this.#held = held;
  }

  /** Undefined: it has no limits of its own. */
  get key(): ApiKey | undefined {
    return this.#held?.key;
  }

  /** Whether its key may use it; without a key of its own, everything. */
  mayUse(what: 'cascades' | 'policies', name: string): boolean {
    return this.key?.[what]?.includes(name) ?? true;
  }

  /**
   * @param common of callers without a rate of their own
   * @throws RequestError rate_limited
   */
  takeToken(common: TokenBuckets | undefined, nowMs: number): void {
    const buckets = this.#held?.buckets ?? common;
    const waitMs = buckets?.take(this.id, nowMs) ?? 0;
    if (waitMs === 0) return;
    const { perSecond, burst } = buckets!.rate;
    const detail = `more than ${perSecond} requests a second, ${burst} at once`;
    throw new RequestError('rate_limited', detail, Math.max(1, Math.ceil(waitMs / 1000)));
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
