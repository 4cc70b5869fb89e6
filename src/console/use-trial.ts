/** One picture under every policy of a cascade: the chosen one first, then one after the other, so that each has its own time. */

import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { type Api, sentenceOf } from './api.js';
import type { Cascade, Policy } from './api-types.js';
import { answersOf, failureOf, type Outcome, type Outcomes, toAsk } from './trial-outcome.js';

export interface TrialSubject {
  readonly picture: Blob | undefined;
  readonly cascade: Cascade;
  /** Of its models. */
  readonly version: string;
  readonly policies: readonly Policy[];
  /** Name of a policy. */
  readonly chosen: string;
}

export interface TrialNow {
  readonly outcomes: Outcomes;
  /** Asks those policies again that gave no answer. */
  readonly askAgain: () => void;
}

export function useTrial(api: Api, { picture, cascade, version, policies, chosen }: TrialSubject): TrialNow {
  const [outcomes, setOutcomes] = useState<Outcomes>({});
  const [turn, setTurn] = useState(0);
  const turnBefore = useRef(turn);
  // Models and policies that were reloaded answer anew.
  const versions = [version, ...policies.map((policy) => `${policy.name} ${policy.version}`)].join('\n');

  // to choose another policy is to look at what it said already
  useEffect(() => {
    const kept = turn === turnBefore.current ? {} : answersOf(outcomes);
    turnBefore.current = turn;
    setOutcomes(kept);
    if (picture === undefined) return;
    const gone = new AbortController();
    const names = policies.map(({ name }) => name);
    void (async () => {
      for (const name of toAsk(names, chosen, kept)) {
        const outcome = await ask(api, picture, cascade.name, name, gone.signal);
        if (gone.signal.aborted) return;
        setOutcomes((before) => ({ ...before, [name]: outcome }));
        if (outcome.answer === undefined && outcome.isOfAll) return;
      }
    })();
    return () => gone.abort();
  }, [api, picture, cascade.name, versions, turn]);

  const askAgain = useCallback(() => setTurn((before) => before + 1), []);
  return { outcomes, askAgain };
}

async function ask(api: Api, picture: Blob, cascade: string, policy: string, signal: AbortSignal): Promise<Outcome> {
  try {
    return { answer: await api.classify(picture, cascade, policy, signal) };
  } catch (error) {
    return failureOf(error, sentenceOf(error));
  }
}
