/** What is wrong with a key before anybody is asked: a header takes no such character, and whoever copies does not see it. Pure. */

/** A sentence; undefined: it may be a key. */
export function keyFault(key: string): string | undefined {
  const characters = [...key];
  const at = characters.findIndex((each) => !/^[\x20-\x7e]$/.test(each));
  if (at < 0) return undefined;
  const code = characters[at]!.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0');
  return `Character ${at + 1} (U+${code}) is in no key: it came with the copy, or took the place of another one. Copy the key anew.`;
}
