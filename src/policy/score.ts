/** From logits to calibrated probabilities and the score that an exit rule compares with its threshold. */

/**
 * Softmax of logits / temperature (arXiv 1706.04599).
 * @param logits one row, [classes]
 */
export function probabilities(logits: Float32Array, temperature: number): Float32Array {
  let highest = Number.NEGATIVE_INFINITY;
  for (const z of logits) if (z > highest) highest = z;
  const out = new Float32Array(logits.length);
  let sum = 0;
  for (let i = 0; i < logits.length; i++) {
    const e = Math.exp((logits[i]! - highest) / temperature);
    out[i] = e;
    sum += e;
  }
  for (let i = 0; i < out.length; i++) out[i]! /= sum;
  return out;
}

/** The largest probability: the score of an exit (Hendrycks and Gimpel, arXiv 1610.02136). */
export function maxProbability(p: Float32Array): number {
  let best = 0;
  for (const value of p) if (value > best) best = value;
  return best;
}

/** The `count` most probable classes, most probable first; ties by index. */
export function topClasses(p: Float32Array, count: number): { index: number; probability: number }[] {
  return Array.from(p, (probability, index) => ({ index, probability }))
    .sort((a, b) => b.probability - a.probability || a.index - b.index)
    .slice(0, count);
}
