/** The API key, for as long as the tab is open. */

const NAME = 'sluice-key';

export function storedKey(): string {
  return sessionStorage.getItem(NAME) ?? '';
}

/** @param key empty: forgets it */
export function storeKey(key: string): void {
  if (key === '') sessionStorage.removeItem(NAME);
  else sessionStorage.setItem(NAME, key);
}
