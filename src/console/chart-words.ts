/** What stands beside each chart of the traffic: its last values, and of when they are where that is not now. Pure. */

import type { Interval, Times } from './traffic.js';
import { amount, duration, percent, roughly, timeOfDay } from './units.js';

export interface ChartWords {
  readonly answers: string;
  readonly times: string;
  readonly saving: string;
  readonly exits: string;
}

/** @param lastSeenMs when a gateway was last seen, where none is seen now */
export function chartWords(intervals: readonly Interval[], lastSeenMs: number | undefined): ChartWords {
  if (lastSeenMs !== undefined) {
    const none = `not seen since ${timeOfDay(lastSeenMs)}`;
    return { answers: none, times: none, saving: none, exits: none };
  }
  const last = intervals.at(-1);
  const answered = intervals.findLast(({ answersPerSecond = 0 }) => answersPerSecond > 0);
  // What only answers have is of the last ones.
  const at = answered === undefined || answered === last ? '' : ` at ${timeOfDay(answered.atMs)}`;
  const none = 'no answers yet';
  return {
    answers: last?.answersPerSecond === undefined ? 'looking…' : rateOf(last.answersPerSecond, last.refusalsPerSecond),
    times: answered?.times === undefined ? none : `${timesOf(answered.times)}${at}`,
    saving: answered?.saving === undefined ? none : `${percent(answered.saving)}${at}`,
    exits: answered === undefined ? none : 'share of the answers by exit',
  };
}

function rateOf(answers: number, refusals = 0): string {
  return `${amount(answers)}${refusals > 0 ? `, ${amount(refusals)} refused` : ''}`;
}

function timesOf({ p50Ms, p95Ms, longestMs }: Times): string {
  // A bucket is known, no place in it; of the last one, only where it begins.
  const said = (ms: number) => (ms >= longestMs ? `> ${duration(longestMs)}` : roughly(ms));
  return `p50 ${said(p50Ms)}, p95 ${said(p95Ms)}`;
}
