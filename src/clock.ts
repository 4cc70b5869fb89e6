/** One clock for the gateway and its lanes: time of the host that only ever goes forward, the same in all its processes. */

/** `performance.now` counts from the start of its own process; the clock below it is that of the host. */
const START_MS = Number(process.hrtime.bigint()) / 1e6 - performance.now();
/** What was told to start spans is kept while the wall clock agrees so far: two readings differ by its rounding. */
const AGREES_MS = 5;

let epochMs = performance.timeOrigin - START_MS;

/** Milliseconds of the host's monotonic clock. */
export function hostMs(): number {
  return hostTime(performance.now());
}

/** @param ms as `performance.now` says it in this process */
export function hostTime(ms: number): number {
  return START_MS + ms;
}

/** Milliseconds since the epoch at zero of the host's monotonic clock, by the wall clock of now. */
export function hostEpochMs(): number {
  const now = Date.now() - hostMs();
  // The wall clock was set, or the host slept.
  if (Math.abs(now - epochMs) > AGREES_MS) epochMs = now;
  return epochMs;
}
