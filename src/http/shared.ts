/** What many ask for at once, and is the same for all of them. */

import { setTimeout as sleep } from 'node:timers/promises';

/** Making it takes one part in so many of the time, however many ask. */
const PARTS = 5;
/** A first making, cold, takes longer than the others will. */
const LONGEST_REST_MS = 250;

/** One making serves all who ask before it begins, and there is a rest behind each: nobody gets what is older than the question. */
export function shared<T>(make: () => Promise<T>): () => Promise<T> {
  /** Not begun yet. */
  let next: Promise<T> | undefined;
  let rested: Promise<void> = Promise.resolve();
  return () => {
    next ??= rested.then(() => {
      next = undefined;
      const began = performance.now();
      const making = make();
      const rest = () => {
        const ms = Math.min(LONGEST_REST_MS, (PARTS - 1) * (performance.now() - began));
        return sleep(ms, undefined, { ref: false });
      };
      rested = making.then(rest, rest);
      return making;
    });
    return next;
  };
}
