/** Whether the gateway lets this page in. Pure. */

/** asking: a key was given, and not heard of yet; wanted: there is none, or it is not taken. */
export type Access = 'open' | 'asking' | 'wanted';

/** Any request may hear that the key is not taken; only a new key leads away from that. */
export function heard(before: Access, isTaken: boolean): Access {
  if (!isTaken) return 'wanted';
  return before === 'asking' ? 'open' : before;
}
