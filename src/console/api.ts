/** The gateway's HTTP, with the key of the person where one is needed. Addresses are relative: the gateway may lie under a path. */

import type { Snapshot } from '../http/snapshot.js';
import type { PolicyFile } from '../policy/schema.js';
import type { Answer, Cascade, Catalogue, Policy } from './api-types.js';
import { Refusal, refusalOf, unreachable } from './refusal.js';

/** Whoever asks too fast waits as it is told, so often at most. */
const MOST_WAITS = 8;
const LONGEST_WAIT_SECONDS = 10;

type ListedPolicy = Pick<Policy, 'name' | 'default' | 'version'> & { readonly points?: Record<string, string> };
type ShownPolicy = PolicyFile & ListedPolicy;

export class Api {
  readonly #key: string;

  /** @param key empty: none */
  constructor(key: string) {
    this.#key = key;
  }

  /** @throws Refusal */
  async classify(picture: Blob, cascade: string, policy: string, signal: AbortSignal): Promise<Answer> {
    const query = new URLSearchParams({ cascade, policy, explain: 'true' });
    // The gateway looks at the bytes alone. A type of its own would make a form, or a script's source, of a dropped file.
    const headers = { 'Content-Type': 'application/octet-stream' };
    return (await this.#ask(`v1/classify?${query}`, { method: 'POST', body: picture, headers, signal })) as Answer;
  }

  /** @throws Refusal */
  async catalogue(signal: AbortSignal): Promise<Catalogue> {
    const [{ cascades }, { policies, reload }] = (await Promise.all([
      this.#ask('v1/cascades', { signal }),
      this.#ask('v1/policies', { signal }),
    ])) as [
      { cascades: Cascade[] },
      { policies: ListedPolicy[]; reload: { result: string; errors: Catalogue['refused'] } | null },
    ];
    const shown = policies.map(async ({ name }) => {
      return policyOf((await this.#ask(`v1/policies/${encodeURIComponent(name)}`, { signal })) as ShownPolicy);
    });
    return {
      cascades,
      policies: await Promise.all(shown),
      refused: reload?.result === 'rejected' ? reload.errors : [],
    };
  }

  /** @throws Refusal */
  async figures(signal: AbortSignal): Promise<Snapshot> {
    return (await this.#ask('console/figures', { signal })) as Snapshot;
  }

  /** @throws Refusal; AbortError when `signal` aborts */
  async #ask(path: string, init: RequestInit): Promise<unknown> {
    const headers = { ...init.headers, ...(this.#key === '' ? {} : { Authorization: `Bearer ${this.#key}` }) };
    for (let waits = 0; ; waits++) {
      const response = await fetch(path, { ...init, headers, cache: 'no-store', credentials: 'same-origin' }).catch(
        (error: Error) => {
          throw error.name === 'AbortError' ? error : unreachable();
        },
      );
      if (response.ok) return response.json();
      const refusal = refusalOf(response.status, await response.text());
      const seconds = Number(response.headers.get('Retry-After') ?? 1);
      if (refusal.code !== 'rate_limited' || waits === MOST_WAITS || seconds > LONGEST_WAIT_SECONDS) throw refusal;
      await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
      init.signal?.throwIfAborted();
    }
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
