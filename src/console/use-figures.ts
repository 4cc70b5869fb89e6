/** Looks at the gateway's sums again and again, while the page is looked at. */

import { useEffect, useRef, useState } from 'preact/hooks';
import type { Snapshot } from '../http/snapshot.js';
import type { Api } from './api.js';
import { sentenceOf } from './api.js';
import { EVERY_MS, type Look, withLook } from './looks.js';

export interface Figures {
  /** Oldest first. */
  readonly looks: readonly Look[];
  /** Undefined while there are none. */
  readonly latest: Snapshot | undefined;
  /** Why there are none at the moment. */
  readonly trouble: string | undefined;
  /** The gateway has another page than the one that was first here. */
  readonly isOutdated: boolean;
}

/** @param isPaused nobody is asked */
export function useFigures(api: Api, isPaused: boolean): Figures {
  const [looks, setLooks] = useState<readonly Look[]>([]);
  const [trouble, setTrouble] = useState<string>();
  const [isOutdated, setOutdated] = useState(false);
  const page = useRef<string>(undefined);

  useEffect(() => {
    setTrouble(undefined);
    if (isPaused) return;
    const gone = new AbortController();
    let next: ReturnType<typeof setTimeout> | undefined;
    let isLooking = false;
    const look = async () => {
      if (isLooking) return;
      clearTimeout(next);
      isLooking = true;
      if (document.visibilityState === 'visible') {
        try {
          const snapshot = await api.figures(gone.signal);
          setLooks((before) => withLook(before, { seenMs: Date.now(), snapshot }));
          setTrouble(undefined);
          page.current ??= snapshot.page;
          if (snapshot.page !== page.current) setOutdated(true);
        } catch (error) {
          if (gone.signal.aborted) return;
          setTrouble(sentenceOf(error));
        }
      }
      isLooking = false;
      if (!gone.signal.aborted) next = setTimeout(look, EVERY_MS);
    };
    void look();
    const onSight = () => document.visibilityState === 'visible' && void look();
    document.addEventListener('visibilitychange', onSight);
    return () => {
      gone.abort();
      clearTimeout(next);
      document.removeEventListener('visibilitychange', onSight);
    };
  }, [api, isPaused]);

  return { looks, latest: trouble === undefined ? looks.at(-1)?.snapshot : undefined, trouble, isOutdated };
}
