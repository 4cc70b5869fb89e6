/** Who calls, and how much they may: API keys where they are set, and rates. Keys are held as SHA-256 only, compared in constant time. */

import { timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { RequestError } from '../errors.js';
import { addressOf, headerOf } from '../node-request.js';
import { Caller } from './caller.js';
import { addressKey } from './connection-book.js';
import { KeyRing, SHORTEST_KEY, sha256 } from './key-ring.js';
import type { ApiKey } from './keys-file.js';
import { TokenBuckets } from './token-bucket.js';

export interface AuthOptions {
  /** SHA-256 of each API key that may do everything, hexadecimal. */
  readonly keyHashes: readonly string[];
  /** Requests a second of one caller without limits of its own (by key, else by address), bursts of one second; 0: no limit. */
  readonly ratePerSecond: number;
  /** Keys with limits of their own; none of either kind: everybody may ask. */
  readonly keys?: readonly ApiKey[] | undefined;
}

export class Auth {
  readonly #hashes: readonly Buffer[];
  readonly #ring = new KeyRing();
  readonly #buckets: TokenBuckets | undefined;
  /** A file that holds no keys any more does not open the gateway to everybody. */
  #isClosed: boolean;

  constructor({ keyHashes, ratePerSecond, keys }: AuthOptions) {
    this.#hashes = keyHashes.map((hash) => Buffer.from(hash, 'hex'));
    this.#buckets =
      ratePerSecond > 0 ? new TokenBuckets({ perSecond: ratePerSecond, burst: ratePerSecond }) : undefined;
    this.#isClosed = keyHashes.length > 0 || keys !== undefined;
    if (keys !== undefined) this.#ring.replace(keys);
  }

  /** Those with limits of their own. */
  get keys(): readonly ApiKey[] {
    return this.#ring.keys;
  }

  /** These keys with limits of their own from now on. */
  setKeys(keys: readonly ApiKey[]): void {
    this.#isClosed = true;
    this.#ring.replace(keys);
  }

  /** @throws RequestError unauthorized, rate_limited */
  async admit(request: IncomingMessage): Promise<Caller> {
    const caller = this.check(request);
    caller.takeToken(performance.now());
    return caller;
  }

  /**
   * Only the key: what asks again and again takes nothing from the rate.
   * @throws RequestError unauthorized
   */
  check(request: IncomingMessage): Caller {
    if (!this.#isClosed) return new Caller(addressKey(addressOf(request)), this.#buckets);
    const given =
      /^Bearer (.+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? headerOf(request, 'x-api-key') ?? '';
    const hash = sha256(given);
    // Every key is compared, so that time tells nothing about which one is near.
    const matches = this.#hashes.map((key) => key.length === hash.length && timingSafeEqual(key, hash));
    const held = this.#ring.find(given, hash);
    const index = matches.indexOf(true);
    if (held !== undefined) return new Caller(`key ${held.key.name}`, this.#buckets, held);
    if (index >= 0) return new Caller(`key ${index}`, this.#buckets);
    const short = given !== '' && given.length < SHORTEST_KEY && this.#ring.size > 0;
    const more = short ? `; a key has at least ${SHORTEST_KEY} characters` : '';
    const ask = 'send an API key as "Authorization: Bearer KEY" or as "X-API-Key: KEY"';
    throw new RequestError('unauthorized', `${ask}${more}`);
  }
}
