/** Which rung a picture enters at, by what its content looks like before any network has seen it. Pure. */

import { type LogisticModel, probabilityOf } from './logistic.js';

/** What is nearly free to know of a picture, in the order of {@link CONTENT}. */
export type Content = readonly [logPixels: number, bitsPerPixel: number, gradient: number, colour: number];

/** Names of the features in a policy. */
export const CONTENT = ['log_pixels', 'bits_per_pixel', 'gradient', 'colour'] as const;

/** A logistic model with one weight per feature of {@link Content}: the probability that the rungs before `leg` would not answer this picture. */
export interface Entry extends LogisticModel {
  /** Leg at which such a picture enters. */
  readonly leg: number;
  /** Enter there from this probability on. */
  readonly above: number;
}

/** The leg to enter: the first, or the one of the entry rule. */
export function entryLeg(entry: Entry | undefined, content: Content): number {
  return entry !== undefined && probabilityOf(entry, content) >= entry.above ? entry.leg : 0;
}
