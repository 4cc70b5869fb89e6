/** Cascades and policies as they are served now. */

import { useEffect, useRef, useState } from 'preact/hooks';
import type { Api } from './api.js';
import type { Catalogue } from './api-types.js';
import { Refusal } from './refusal.js';

/** While the lanes warm up, and after a failure, it is asked again so much later. */
const AGAIN_MS = 2000;

export interface CatalogueNow {
  /** Undefined until there is a cascade. */
  readonly catalogue: Catalogue | undefined;
  readonly refusal: Refusal | undefined;
}

/** @param seen which catalogue there is, as seen elsewhere: when it is another one, it is asked for again */
export function useCatalogue(api: Api, seen: string | undefined): CatalogueNow {
  const [catalogue, setCatalogue] = useState<Catalogue>();
  const [refusal, setRefusal] = useState<Refusal>();
  const [turn, setTurn] = useState(0);
  const seenBefore = useRef<string>(undefined);

  useEffect(() => {
    if (seen === undefined) return;
    if (seenBefore.current !== undefined && seenBefore.current !== seen) setTurn((before) => before + 1);
    seenBefore.current = seen;
  }, [seen]);

  // `turn` says when to ask again
  useEffect(() => {
    const gone = new AbortController();
    let again: ReturnType<typeof setTimeout> | undefined;
    const ask = async () => {
      try {
        const now = await api.catalogue(gone.signal);
        setRefusal(undefined);
        if (now.cascades.length > 0) setCatalogue(now);
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
  }, [api, turn]);

  return { catalogue, refusal };
}
