/** Cascades and policies as they are served now. */

import { useEffect, useRef, useState } from 'preact/hooks';
import type { Api } from './api.js';
import type { Catalogue } from './api-types.js';
import { Refusal } from './refusal.js';
import { type Sightings, sighted } from './sightings.js';
import type { Figures } from './use-figures.js';

/** While the lanes warm up, and after a failure, it is asked again so much later. */
const AGAIN_MS = 2000;

export interface CatalogueNow {
  /** Undefined until there is a cascade. */
  readonly catalogue: Catalogue | undefined;
  readonly refusal: Refusal | undefined;
  /** The gateway answers, and has no cascade yet. */
  readonly isWarming: boolean;
}

/** Asks with the first look at the figures, and again whenever they tell of another catalogue. @param isPaused nobody is asked */
export function useCatalogue(api: Api, { looks, trouble }: Figures, isPaused: boolean): CatalogueNow {
  const [catalogue, setCatalogue] = useState<Catalogue>();
  const [refusal, setRefusal] = useState<Refusal>();
  const [isWarming, setWarming] = useState(false);
  const [turn, setTurn] = useState(0);
  const sightings = useRef<Sightings>([]);
  const snapshot = looks.at(-1)?.snapshot;
  const newest = useRef(snapshot);
  newest.current = snapshot;

  useEffect(() => {
    if (snapshot === undefined) return;
    const seen = sighted(sightings.current, snapshot);
    sightings.current = seen.sightings;
    if (seen.isNews) setTurn((before) => before + 1);
  }, [snapshot]);

  // Without figures the page is of use all the same.
  const isDue = turn > 0 || trouble !== undefined;

  // `turn` says when to ask again
  useEffect(() => {
    setRefusal(undefined);
    if (!isDue || isPaused) return;
    const gone = new AbortController();
    let again: ReturnType<typeof setTimeout> | undefined;
    const ask = async () => {
      try {
        // Of before the catalogue: if models change in between, the next look tells.
        const versions = (newest.current?.cascades ?? []).map(({ name, version }) => [name, version]);
        const now = await api.catalogue(gone.signal);
        setRefusal(undefined);
        setWarming(now.cascades.length === 0);
        if (now.cascades.length > 0) setCatalogue({ ...now, versions: Object.fromEntries(versions) });
        else again = setTimeout(ask, AGAIN_MS);
      } catch (error) {
        if (gone.signal.aborted) return;
        setRefusal(error instanceof Refusal ? error : new Refusal(0, '', String(error)));
        if (!(error instanceof Refusal && error.code === 'unauthorized')) again = setTimeout(ask, AGAIN_MS);
      }
    };
    void ask();
    return () => {
      gone.abort();
      clearTimeout(again);
    };
  }, [api, turn, isDue, isPaused]);

  return { catalogue, refusal, isWarming };
}
