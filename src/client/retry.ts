/** When a call is tried again. Pure. */

/** Of the first pause; each later one is twice as long, up to the longest. */
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5000;

/** Too much to do, or not ready: whoever asks again later may be answered. */
const LATER: readonly number[] = [429, 503];

export interface Failure {
  /** Undefined: there was no answer. */
  readonly status: number | undefined;
  readonly retryAfterSeconds: number | undefined;
}

export interface Patience {
  /** Attempts that have failed, from 1. */
  readonly failed: number;
  /** Times that a call is tried again. */
  readonly retries: number;
  /** Longest Retry-After that is waited for. */
  readonly maxWaitMs: number;
  /** Until the deadline. */
  readonly leftMs: number;
}

/**
 * How long to wait before the next attempt, milliseconds; undefined: give up. At least as long as Retry-After says; beyond that half of
 * the pause is drawn, so that those who were refused together do not come back together.
 * @param drawn from 0 to 1
 */
export function pauseMs({ status, retryAfterSeconds }: Failure, patience: Patience, drawn: number): number | undefined {
  // Also where a setting is NaN: never for ever.
  if (!(patience.failed <= patience.retries)) return undefined;
  if (status !== undefined && !LATER.includes(status)) return undefined;
  const longest = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (patience.failed - 1));
  const pause = longest * (0.5 + 0.5 * drawn);
  const told = (retryAfterSeconds ?? 0) * 1000;
  if (told > 0 && !(told <= patience.maxWaitMs)) return undefined;
  const wait = told === 0 ? pause : told + pause;
  return wait < patience.leftMs ? wait : undefined;
}

/** @param value of the header: seconds, or a date; undefined: it says neither */
export function secondsOf(value: string | null, now: number): number | undefined {
  if (value === null) return undefined;
  if (/^\d+$/.test(value.trim())) return Number(value);
  const at = Date.parse(value);
  return Number.isNaN(at) ? undefined : Math.max(0, Math.ceil((at - now) / 1000));
}
