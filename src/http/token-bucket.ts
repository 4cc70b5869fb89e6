/**
 * A bucket of tokens for each caller: it holds `burst` of them, a request takes one, and `perSecond` come back. Kept as one number a
 * caller, the time at which its bucket will be full again (the generic cell rate algorithm), so that it never counts a window twice and
 * says to the millisecond when the next token comes. No clock: times come in.
 */

import { LRUCache } from 'lru-cache';

export interface Rate {
  /** Tokens that come back a second; may be a fraction. */
  readonly perSecond: number;
  /** Tokens that a bucket holds, at least 1. */
  readonly burst: number;
}

/** Callers that are remembered; the one that asked longest ago is forgotten first, and starts with a full bucket. */
const MOST_CALLERS = 100_000;

export class TokenBuckets {
  readonly #eachMs: number;
  readonly #spanMs: number;
  readonly #fullAt = new LRUCache<string, number>({ max: MOST_CALLERS });

  constructor(readonly rate: Rate) {
    this.#eachMs = 1000 / rate.perSecond;
    this.#spanMs = (rate.burst - 1) * this.#eachMs;
  }

  /** Takes a token. @returns milliseconds until there is one; 0: it was taken */
  take(caller: string, nowMs: number): number {
    const fullAt = this.#fullAtOf(caller, nowMs);
    const waitMs = fullAt - nowMs - this.#spanMs;
    // A bucket that is full to the millionth is full.
    if (waitMs > 1e-6) return waitMs;
    this.#fullAt.set(caller, fullAt + this.#eachMs);
    return 0;
  }

  /** Takes tokens that need not be there: the next are waited for until these have come back. */
  owe(caller: string, tokens: number, nowMs: number): void {
    if (tokens > 0) this.#fullAt.set(caller, this.#fullAtOf(caller, nowMs) + tokens * this.#eachMs);
  }

  #fullAtOf(caller: string, nowMs: number): number {
    return Math.max(this.#fullAt.get(caller) ?? nowMs, nowMs);
  }
}
