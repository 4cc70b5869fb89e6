/** API keys and rates, where they are set. Keys are held as SHA-256 only and compared in constant time. */

import { createHash, timingSafeEqual } from 'node:crypto';
import type { Request } from 'express';
import { RateLimiterMemory, type RateLimiterRes } from 'rate-limiter-flexible';
import { RequestError } from '../errors.js';

export interface AuthOptions {
  /** SHA-256 of each API key, hexadecimal; none: everybody may ask. */
  readonly keyHashes: readonly string[];
  /** Requests a second of one caller (by key, else by address), bursts of one second; 0: no limit. */
  readonly ratePerSecond: number;
}

export class Auth {
  readonly #keys: readonly Buffer[];
  readonly #limiter: RateLimiterMemory | undefined;

  constructor(options: AuthOptions) {
    this.#keys = options.keyHashes.map((hash) => Buffer.from(hash, 'hex'));
    this.#limiter =
      options.ratePerSecond > 0 ? new RateLimiterMemory({ points: options.ratePerSecond, duration: 1 }) : undefined;
  }

  /** @throws RequestError unauthorized, rate_limited */
  async admit(request: Request): Promise<void> {
    const caller = this.check(request);
    if (this.#limiter === undefined) return;
    await this.#limiter.consume(caller).catch((refusal: RateLimiterRes) => {
      const seconds = Math.max(1, Math.ceil(refusal.msBeforeNext / 1000));
      throw new RequestError('rate_limited', `more than ${this.#limiter?.points} requests a second`, seconds);
    });
  }

  /**
   * Only the key: what asks again and again takes nothing from the rate.
   * @returns who calls
   * @throws RequestError unauthorized
   */
  check(request: Request): string {
    if (this.#keys.length === 0) return request.ip ?? '';
    const given = /^Bearer (.+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? request.header('x-api-key') ?? '';
    const hash = createHash('sha256').update(given).digest();
    // Every key is compared, so that time tells nothing about which one is near.
    const matches = this.#keys.map((key) => key.length === hash.length && timingSafeEqual(key, hash));
    const index = matches.indexOf(true);
    if (index < 0) {
      throw new RequestError('unauthorized', 'send an API key as "Authorization: Bearer KEY" or as "X-API-Key: KEY"');
    }
    return `key ${index}`;
  }
}
