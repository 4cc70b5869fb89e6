/** Which operating point of a policy serves, and how to say it. Pure. */

import type { Snapshot } from '../http/snapshot.js';
import type { Policy } from './api-types.js';

/** Points move more often than the catalogue is asked for: the figures tell of them. */
export function withServing(policies: readonly Policy[], snapshot: Snapshot | undefined): readonly Policy[] {
  if (snapshot === undefined) return policies;
  return policies.map((policy) => {
    const mine = snapshot.serving.filter((each) => each.policy === policy.name);
    return { ...policy, serving: Object.fromEntries(mine.map(({ cascade, point }) => [cascade, point])) };
  });
}

export type Serving =
  | { readonly point: string }
  /** The full network in place of them. */
  | { readonly point?: undefined };

/** Undefined where there is nothing to tell: nothing but one route can serve, or it does. */
export function servingOf({ content, serving }: Policy, cascade: string): Serving | undefined {
  const now = serving[cascade];
  if (now === undefined || content.kind === 'full') return undefined;
  // A point may have the name of the full network.
  if (content.cascades[cascade]?.points?.some(({ name }) => name === now)) return { point: now };
  return now === 'full' ? {} : undefined;
}

export const DRIFTED = 'the full network, as audits found too little agreement with it';
