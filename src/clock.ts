/** One clock for the gateway and its lanes: time of the host that only ever goes forward, the same in all its processes. */

/** Two readings of the wall clock may differ by so much without anybody having set it: it tells whole milliseconds. */
const AGREES_MS = 5;

let epochMs = Date.now() - hostMs();

/** Milliseconds of the host's monotonic clock. `performance.now` counts from the start of its own process. */
export function hostMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** Milliseconds since the epoch at zero of the host's monotonic clock, by the wall clock of now. */
export function hostEpochMs(): number {
  const now = Date.now() - hostMs();
  // The wall clock was set, or the host slept.
  if (Math.abs(now - epochMs) > AGREES_MS) epochMs = now;
  return epochMs;
}
