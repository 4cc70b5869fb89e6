/** The API key, for as long as the tab is open. */

import { Kept } from './storage.js';

const NAME = 'sluice-key';
const kept = new Kept(() => sessionStorage);

export function storedKey(): string {
  return kept.get(NAME);
}

/** @param key empty: forgets it */
export function storeKey(key: string): void {
  kept.set(NAME, key);
}
