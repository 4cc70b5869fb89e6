/** Whether the probabilities of an exit can be believed (arXiv 1706.04599). Pure. */

export interface Bin {
  readonly pictures: number;
  /** Mean probability that the exit gave to its guesses. */
  readonly confidence: number;
  /** Share of them that is right. */
  readonly accuracy: number;
}

const BINS = 15;

/** Pictures by the probability of their guess, in bins of equal width; empty ones are left out. */
export function reliability(probability: Float64Array, right: Uint8Array): Bin[] {
  const sums = Array.from({ length: BINS }, () => ({ pictures: 0, confidence: 0, right: 0 }));
  for (let i = 0; i < probability.length; i++) {
    const bin = sums[Math.min(BINS - 1, Math.floor(probability[i]! * BINS))]!;
    bin.pictures++;
    bin.confidence += probability[i]!;
    bin.right += right[i]!;
  }
  return sums
    .filter(({ pictures }) => pictures > 0)
    .map(({ pictures, confidence, right }) => ({
      pictures,
      confidence: confidence / pictures,
      accuracy: right / pictures,
    }));
}

/** Expected calibration error: mean distance between confidence and accuracy, by picture; 0..1. */
export function calibrationError(bins: readonly Bin[]): number {
  const pictures = bins.reduce((sum, bin) => sum + bin.pictures, 0);
  return bins.reduce((sum, bin) => sum + bin.pictures * Math.abs(bin.accuracy - bin.confidence), 0) / pictures;
}
