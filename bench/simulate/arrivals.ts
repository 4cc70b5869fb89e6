/** When requests come. Pure: the same seed gives the same times. */

import type { Random } from './random.js';

export const ARRIVALS = ['poisson', 'bursts'] as const;
export type Arrivals = (typeof ARRIVALS)[number];

/** One second in five has three times the rate of the mean, the others half of it. */
const BURST = { everyMs: 5000, forMs: 1000, times: 3 };

/** Milliseconds, ascending; independent callers, so the gaps are exponential. @param perSecond mean rate */
export function arrivalTimes(random: Random, arrivals: Arrivals, perSecond: number, count: number): number[] {
  const times: number[] = [];
  // Of a process with rate 1 a second: time is bent afterwards, so that each stretch has the rate that it shall have.
  let unit = 0;
  for (let i = 0; i < count; i++) {
    unit += random.exponential(1);
    times.push(arrivals === 'poisson' ? (1000 * unit) / perSecond : burstTime(unit / perSecond));
  }
  return times;
}

/** Where a burst comes at the end of each stretch, after so many seconds of the mean rate. @returns milliseconds */
function burstTime(meanSeconds: number): number {
  const { everyMs, forMs, times } = BURST;
  const calmRate = (everyMs - times * forMs) / (everyMs - forMs);
  const stretch = Math.floor((1000 * meanSeconds) / everyMs);
  const within = 1000 * meanSeconds - stretch * everyMs;
  const calm = calmRate * (everyMs - forMs);
  const bent = within < calm ? within / calmRate : everyMs - forMs + (within - calm) / times;
  return stretch * everyMs + bent;
}
