/** Which rung a picture enters at, by what its content looks like before any network has seen it. Pure. */

/** What is nearly free to know of a picture, in the order of {@link CONTENT}. */
export type Content = readonly [logPixels: number, bitsPerPixel: number, gradient: number, colour: number];

/** Names of the features in a policy. */
export const CONTENT = ['log_pixels', 'bits_per_pixel', 'gradient', 'colour'] as const;

/** A logistic model: the probability that the rungs before `leg` would not answer this picture. */
export interface Entry {
  /** Leg at which such a picture enters. */
  readonly leg: number;
  /** Enter there from this probability on. */
  readonly above: number;
  readonly intercept: number;
  /** One per feature of {@link Content}. */
  readonly weights: readonly number[];
}

/** 1 / (1 + exp(-(intercept + weights . content))) */
export function climbProbability(entry: Entry, content: Content): number {
  const sum = content.reduce((total, value, i) => total + value * entry.weights[i]!, entry.intercept);
  return 1 / (1 + Math.exp(-sum));
}

/** The leg to enter: the first, or the one of the entry rule. */
export function entryLeg(entry: Entry | undefined, content: Content): number {
  return entry !== undefined && climbProbability(entry, content) >= entry.above ? entry.leg : 0;
}
