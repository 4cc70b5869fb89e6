/** When requests of an open loop are sent. Pure. */

export interface Phase {
  readonly seconds: number;
  /** Mean number of requests. */
  readonly perSecond: number;
}

/**
 * @param poissonSeed of Poisson arrivals; undefined: evenly spaced
 * @returns milliseconds since the start, ascending
 */
export function arrivals(phases: readonly Phase[], poissonSeed?: number): number[] {
  const random = poissonSeed === undefined ? undefined : uniform(poissonSeed);
  const times: number[] = [];
  let start = 0;
  for (const { seconds, perSecond } of phases) {
    const end = start + 1000 * seconds;
    const gap = () => (1000 / perSecond) * (random === undefined ? 1 : -Math.log(random()));
    for (let at = start + (random === undefined ? 0 : gap()); at < end; at += gap()) times.push(at);
    start = end;
  }
  return times;
}

/** Numbers above 0, up to 1; the same for a seed in every run (mulberry32). */
function uniform(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (((mixed ^ (mixed >>> 14)) >>> 0) + 1) / 2 ** 32;
  };
}
