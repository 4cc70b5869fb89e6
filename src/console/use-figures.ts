/** Looks at the gateway's sums again and again, while the page is looked at. */

import { useEffect, useState } from 'preact/hooks';
import type { Snapshot } from '../http/snapshot.js';
import type { Api } from './api.js';
import { sentenceOf } from './api.js';

const EVERY_MS = 2000;
/** Five minutes. */
const MOST = 151;

export interface Figures {
  /** Oldest first. */
  readonly snapshots: readonly Snapshot[];
  readonly latest: Snapshot | undefined;
  /** Why there are none at the moment. */
  readonly trouble: string | undefined;
}

export function useFigures(api: Api): Figures {
  const [snapshots, setSnapshots] = useState<readonly Snapshot[]>([]);
  const [trouble, setTrouble] = useState<string>();

  useEffect(() => {
    const gone = new AbortController();
    let next: ReturnType<typeof setTimeout> | undefined;
    const look = async () => {
      clearTimeout(next);
      if (document.visibilityState === 'visible') {
        try {
          const snapshot = await api.figures(gone.signal);
          setSnapshots((before) => [...before, snapshot].slice(-MOST));
          setTrouble(undefined);
        } catch (error) {
          if (gone.signal.aborted) return;
          setTrouble(sentenceOf(error));
        }
      }
      clearTimeout(next);
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
  }, [api]);

  return { snapshots, latest: trouble === undefined ? snapshots.at(-1) : undefined, trouble };
}
