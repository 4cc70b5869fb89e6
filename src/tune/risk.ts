/** Learn then Test (arXiv 2110.01052): operating points whose risk is bounded with a stated confidence. Pure. */

/**
 * p-value of "the true risk is above `alpha`" after a mean loss was seen, by Hoeffding and Bentkus (arXiv 2110.01052, proposition 1):
 * min(exp(-n h(min(r, alpha), alpha)), e P(Binomial(n, alpha) <= ceil(n r))), h(a, b) = a ln(a/b) + (1 - a) ln((1 - a)/(1 - b)).
 * Holds for any loss in [0, 1], of pictures drawn independently.
 * @param loss mean loss seen, 0..1
 * @param pictures how many it was seen on
 */
export function hoeffdingBentkus(loss: number, pictures: number, alpha: number): number {
  const a = Math.min(loss, alpha);
  const hoeffding = Math.exp(-pictures * divergence(a, alpha));
  // What rounding adds to n r must not become a whole loss.
  const bentkus = Math.E * binomialAtMost(Math.ceil(pictures * loss - 1e-9), pictures, alpha);
  return Math.min(1, hoeffding, bentkus);
}

/** With fewer pictures not even a candidate without any loss passes. */
export function leastPictures(risk: number, confidence: number): number {
  return Math.ceil(Math.log(1 - confidence) / Math.log1p(-risk));
}

/** Kullback and Leibler's, of two coins, nats. */
function divergence(a: number, b: number): number {
  const part = (x: number, y: number) => (x === 0 ? 0 : x * Math.log(x / y));
  return part(a, b) + part(1 - a, 1 - b);
}

/** P(Binomial(n, p) <= k), 0 < p < 1. */
export function binomialAtMost(k: number, n: number, p: number): number {
  if (k >= n) return 1;
  let log = n * Math.log1p(-p);
  let sum = Math.exp(log);
  for (let i = 1; i <= k; i++) {
    log += Math.log((n - i + 1) / i) + Math.log(p / (1 - p));
    sum += Math.exp(log);
  }
  return Math.min(1, sum);
}

/**
 * Fixed-sequence testing: walks down a row of candidates, safest first, and stops at the first whose risk cannot be ruled out. With the
 * stated confidence ALL that it passes keep the risk, so that any of them may be chosen, by whatever wish.
 * @param losses mean loss of each candidate; their row must have been fixed without these pictures
 * @returns how many of them, from the first on, pass
 */
export function fixedSequence(losses: Iterable<number>, pictures: number, risk: number, confidence: number): number {
  let passed = 0;
  for (const loss of losses) {
    if (hoeffdingBentkus(loss, pictures, risk) > 1 - confidence) break;
    passed++;
  }
  return passed;
}
