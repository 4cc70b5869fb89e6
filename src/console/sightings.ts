/** Whether a look at a gateway says that there is another catalogue than the one that was fetched. Pure. */

import type { Snapshot } from '../http/snapshot.js';

/** What each gateway at this address serves, as last seen: a load balancer shows several in turn. The last seen first. */
export type Sightings = readonly Pick<Snapshot, 'started_ms' | 'catalogue'>[];

/** Starts of before are nothing to compare with for ever. */
const MOST = 16;

/** News: this gateway served something else before, or is new here and serves what none does. */
export function sighted(
  before: Sightings,
  { started_ms, catalogue }: Sightings[number],
): { readonly sightings: Sightings; readonly isNews: boolean } {
  const same = before.find((each) => each.started_ms === started_ms);
  const others = before.filter((each) => each !== same);
  const isNews =
    same === undefined ? others.every((each) => each.catalogue !== catalogue) : same.catalogue !== catalogue;
  return { sightings: [{ started_ms, catalogue }, ...others].slice(0, MOST), isNews };
}
