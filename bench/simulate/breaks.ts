/** How far a gateway goes, and what it is that stops it. Pure. */

import type { Simulated } from './run.js';

/** Share refused from which a load is not held any more. */
const MOST_REFUSED = 0.01;
/** Share of the time from which a thread or the cores are taken. */
const FULL = 0.9;
/** Loads beyond the ideal cannot be held. */
const MOST_LOAD = 1.1;
/** Halvings of the range: to a hundredth of the ideal. */
const STEPS = 7;

export type Limit = 'event loop' | 'cores' | 'queue' | 'bytes held' | 'waiting';

export interface Reach {
  /** The highest load that is held, as a share of the ideal. */
  readonly load: number;
  readonly held: Simulated | undefined;
  /** What gives way just above it. */
  readonly limit: Limit;
}

/** @param at what happens at a load; @param goalMs p95 up to which a load counts as held */
export function reachOf(at: (load: number) => Simulated, goalMs: number): Reach {
  let [low, high] = [0, MOST_LOAD];
  let held: Simulated | undefined;
  let beyond = at(high);
  for (let step = 0; step < STEPS; step++) {
    const load = (low + high) / 2;
    const simulated = at(load);
    if (isHeld(simulated, goalMs)) [low, held] = [load, simulated];
    else [high, beyond] = [load, simulated];
  }
  return { load: low, held, limit: limitOf(beyond) };
}

export function isHeld({ refused, p95 }: Simulated, goalMs: number): boolean {
  return refused <= MOST_REFUSED && p95 <= goalMs;
}

/** A full event loop says more than full cores: where it is full they are, too, as soon as lanes wait for it on a core of their own. */
export function limitOf({ reasons, loopBusy, coresBusy }: Simulated): Limit {
  if ((reasons.bytes ?? 0) > 0) return 'bytes held';
  if (coresBusy < FULL && loopBusy >= FULL) return 'event loop';
  if (coresBusy >= FULL) return 'cores';
  return (reasons.queue ?? 0) > (reasons.wait ?? 0) ? 'queue' : 'waiting';
}
