/** The gateway's HTTP, with the key of the person where one is needed. Addresses are relative: the gateway may lie under a path. */

import { pauseMs, secondsOf } from '../client/retry.js';
import type { Snapshot } from '../http/snapshot.js';
import type { PolicyFile } from '../policy/schema.js';
import type { Answer, Cascade, Catalogue, Policy } from './api-types.js';
import { noGateway, Refusal, refusalOf, silent, unreachable } from './refusal.js';
import { TimeLimit } from './time-limit.js';

/** Whoever asks too fast, or too much of a busy gateway, waits as it is told, so often and so long at most. */
const WAITS = { retries: 8, maxWaitMs: 10_000, leftMs: Number.POSITIVE_INFINITY };
/** What is asked again by itself: a gateway that hangs is to be told from one that serves. */
const LOOK_LIMIT_MS = 8000;
/** A large picture over a slow line, and a queue. */
const PICTURE_LIMIT_MS = 300_000;

interface Asking extends RequestInit {
  readonly signal: AbortSignal;
  readonly limitMs: number;
  /** Statuses for which it waits and asks again; what is asked again anyway does not. */
  readonly waitsFor: readonly number[];
}

type ListedPolicy = Pick<Policy, 'name' | 'default' | 'version'> & { readonly points?: Record<string, string> };
type ShownPolicy = PolicyFile & ListedPolicy;

export class Api {
  readonly #key: string;
  readonly #onKey: (isTaken: boolean) => void;

  /**
   * @param key empty: none
   * @param onKey hears with each answer, and each refusal for its sake, whether the gateway takes the key
   */
  constructor(key: string, onKey: (isTaken: boolean) => void = () => {}) {
    this.#key = key;
    this.#onKey = onKey;
  }

  /** @throws Refusal */
  async classify(picture: Blob, cascade: string, policy: string, signal: AbortSignal): Promise<Answer> {
    const query = new URLSearchParams({ cascade, policy, explain: 'true' });
    // The gateway looks at the bytes alone. A type of its own would make a form, or a script's source, of a dropped file.
    const headers = { 'Content-Type': 'application/octet-stream' };
    const asking = { method: 'POST', body: picture, headers, signal, limitMs: PICTURE_LIMIT_MS, waitsFor: [429, 503] };
    return (await this.#ask(`v1/classify?${query}`, asking)) as Answer;
  }

  /** @throws Refusal */
  async catalogue(signal: AbortSignal): Promise<Omit<Catalogue, 'versions'>> {
    const asking = { signal, limitMs: LOOK_LIMIT_MS, waitsFor: [429] };
    const [{ cascades }, { policies, reload }] = (await Promise.all([
      this.#ask('v1/cascades', asking),
      this.#ask('v1/policies', asking),
    ])) as [
      { cascades: Cascade[] },
      { policies: ListedPolicy[]; reload: { result: string; errors: Catalogue['refused'] } | null },
    ];
    const shown = policies.map(async ({ name }) => {
      return policyOf((await this.#ask(`v1/policies/${encodeURIComponent(name)}`, asking)) as ShownPolicy);
    });
    return {
      cascades,
      policies: await Promise.all(shown),
      refused: reload?.result === 'rejected' ? reload.errors : [],
    };
  }

  /** @throws Refusal */
  async figures(signal: AbortSignal): Promise<Snapshot> {
    return (await this.#ask('console/figures', { signal, limitMs: LOOK_LIMIT_MS, waitsFor: [] })) as Snapshot;
  }

  /** @throws Refusal; AbortError when the signal aborts */
  async #ask(path: string, asking: Asking): Promise<unknown> {
    for (let failed = 1; ; failed++) {
      const { status, text, retryAfter } = await this.#askOnce(path, asking);
      if (status < 400) {
        const answer = jsonOf(text, status);
        this.#onKey(true);
        return answer;
      }
      const refusal = refusalOf(status, text);
      if (refusal.code === 'unauthorized') this.#onKey(false);
      const failure = { status, retryAfterSeconds: secondsOf(retryAfter, Date.now()) };
      const pause = asking.waitsFor.includes(status)
        ? pauseMs(failure, { ...WAITS, failed }, Math.random())
        : undefined;
      if (pause === undefined) throw refusal;
      await new Promise((resolve) => setTimeout(resolve, pause));
      asking.signal.throwIfAborted();
    }
  }

  /** @throws Refusal where nothing came; AbortError when the signal aborts */
  async #askOnce(path: string, { limitMs, waitsFor: _, ...init }: Asking) {
    const headers = { ...init.headers, ...(this.#key === '' ? {} : { Authorization: `Bearer ${this.#key}` }) };
    const limit = new TimeLimit(init.signal, limitMs);
    const { signal } = limit;
    try {
      const response = await fetch(path, { ...init, headers, signal, cache: 'no-store', credentials: 'same-origin' });
      return { status: response.status, text: await response.text(), retryAfter: response.headers.get('Retry-After') };
    } catch (error) {
      if (init.signal.aborted) throw error;
      throw limit.isOver ? silent(limitMs) : unreachable();
    } finally {
      limit.end();
    }
  }
}

/** @throws Refusal */
function jsonOf(text: string, status: number): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw noGateway(status);
  }
}

/** The list's own keys stand among those of the file. */
function policyOf({ name, default: isDefault, version, points, ...content }: ShownPolicy): Policy {
  if (content.kind === 'full') {
    const { kind, description } = content;
    return { name, default: isDefault, version, serving: {}, content: { kind, description } };
  }
  return { name, default: isDefault, version, serving: points ?? {}, content: content as PolicyFile };
}

/** What to tell of anything that was thrown. */
export function sentenceOf(error: unknown): string {
  return error instanceof Refusal ? error.sentence : `This page made a mistake: ${(error as Error).message}.`;
}
