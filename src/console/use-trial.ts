/** One picture under every policy of a cascade: the chosen one first, then one after the other, so that each has its own time. */

import { useEffect, useState } from 'preact/hooks';
import { type Api, sentenceOf } from './api.js';
import type { Answer, Cascade, Policy } from './api-types.js';
import { Refusal } from './refusal.js';

export type Outcome =
  | { readonly answer: Answer; readonly sentence?: undefined }
  | { readonly answer?: undefined; readonly sentence: string };

/** By policy; those that are not there are still to come. */
export type Outcomes = Readonly<Record<string, Outcome>>;

export function useTrial(
  api: Api,
  picture: Blob | undefined,
  cascade: Cascade,
  policies: readonly Policy[],
  chosen: string,
): Outcomes {
  const [outcomes, setOutcomes] = useState<Outcomes>({});
  // A policy that was reloaded answers anew.
  const versions = policies.map(({ name, version }) => `${name} ${version}`).join('\n');

  // to choose another policy is to look at what it said already
  useEffect(() => {
    setOutcomes({});
    if (picture === undefined) return;
    const gone = new AbortController();
    const names = policies.map(({ name }) => name).sort((a, b) => Number(b === chosen) - Number(a === chosen));
    void (async () => {
      for (const name of names) {
        const { outcome, isPictureRefused } = await outcomeOf(api, picture, cascade.name, name, gone.signal);
        if (gone.signal.aborted) return;
        setOutcomes((before) => ({ ...before, [name]: outcome }));
        if (isPictureRefused) return;
      }
    })();
    return () => gone.abort();
  }, [api, picture, cascade.name, versions]);

  return outcomes;
}

/** What is no picture for one policy is none for the others. */
const ABOUT_THE_PICTURE = [400, 401, 413, 415, 422];

async function outcomeOf(api: Api, picture: Blob, cascade: string, policy: string, signal: AbortSignal) {
  try {
    return { outcome: { answer: await api.classify(picture, cascade, policy, signal) }, isPictureRefused: false };
  } catch (error) {
    const isPictureRefused = error instanceof Refusal && ABOUT_THE_PICTURE.includes(error.status);
    return { outcome: { sentence: sentenceOf(error) }, isPictureRefused };
  }
}
