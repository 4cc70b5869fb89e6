/** What a search keeps. */

import type { RecordedExit, TuneRecord } from './record.js';

/**
 * `agreement`: answers that are those of the full network. `expected`: right answers, half as the labels say and half as
 * the full network, calibrated, expects them. Labels alone would do: among many routes and thresholds there are always some whose early
 * exits are right by luck on just these pictures. The full network alone would forgive an exit the mistakes that it makes itself.
 */
export type Quality = 'expected' | 'agreement';

/** Of what an exit says of a picture, 0 to 1. */
export function qualityAt(
  { guess, belief }: RecordedExit,
  { labels, full }: TuneRecord,
  kind: Quality,
  i: number,
): number {
  if (kind === 'agreement') return Number(guess[i] === full[i]);
  return (belief[i]! + Number(guess[i] === labels[i])) / 2;
}
