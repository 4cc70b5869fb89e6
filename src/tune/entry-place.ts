/** Where pictures enter a walk by a rule of entry. */

import { type Content, type Entry, entryLeg } from '../policy/entry.js';
import type { Walk } from './walk.js';

/** First exit of each picture. */
export function enteredAt(walk: Walk, entry: Entry, content: readonly Content[]): Int32Array {
  return Int32Array.from(content, (each) => walk.starts[entryLeg(entry, each)]!);
}
