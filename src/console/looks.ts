/** What was seen of late of the gateway at this address, or of the several that answer there in turn. Pure. */

import type { Snapshot } from '../http/snapshot.js';
import { between, type Interval } from './traffic.js';

export interface Look {
  /** By the clock of who looks: gateways' clocks differ. Milliseconds since the epoch. */
  readonly seenMs: number;
  readonly snapshot: Snapshot;
}

export const EVERY_MS = 2000;
const WINDOW_MS = 300_000;
/** A look takes eight seconds at most: where more lies between two, nobody looked, or there was nothing to see. */
const LONGEST_STEP_MS = EVERY_MS + 8000;

/** Oldest first, of the last minutes. Those from the future are of before the clock was set. */
export function withLook(looks: readonly Look[], look: Look): readonly Look[] {
  const isRecent = ({ seenMs }: Look) => seenMs < look.seenMs && look.seenMs - seenMs <= WINDOW_MS;
  return [...looks.filter(isRecent), look];
}

/** How many gateways answer: one that was started anew is seen after the one before; two are seen in turn. */
export function gatewaysOf(looks: readonly Look[]): number {
  const spans = new Map<number, { first: number; last: number }>();
  for (const [at, { snapshot }] of looks.entries()) {
    const span = spans.get(snapshot.started_ms) ?? { first: at, last: at };
    spans.set(snapshot.started_ms, { ...span, last: at });
  }
  const all = [...spans.values()];
  const overlapping = all.filter((a) => all.some((b) => a !== b && a.first < b.last && b.first < a.last));
  return Math.max(1, overlapping.length);
}

/** From look to look of the same gateway, with a gap where there is none before. */
export function intervalsOf(looks: readonly Look[], cascade: string): readonly Interval[] {
  const longest = LONGEST_STEP_MS * gatewaysOf(looks);
  const before = new Map<number, Look>();
  return looks.flatMap((look, at): readonly Interval[] => {
    const { seenMs, snapshot } = look;
    const last = before.get(snapshot.started_ms);
    before.set(snapshot.started_ms, look);
    const interval =
      last === undefined || stepMs(last, look) > longest ? undefined : between(last.snapshot, snapshot, cascade);
    if (interval !== undefined) return [{ ...interval, atMs: seenMs }];
    return at === 0 ? [] : [{ atMs: seenMs, exits: {} }];
  });
}

/** A clock that was set back hides a pause from one of the two. */
function stepMs(before: Look, after: Look): number {
  return Math.max(after.seenMs - before.seenMs, after.snapshot.at_ms - before.snapshot.at_ms);
}
