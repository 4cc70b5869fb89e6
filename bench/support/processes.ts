/**
 * All processes of a server that is measured, however it starts them: they are known by a variable that they inherit, as a tree of
 * parents loses whoever makes itself a daemon.
 */

import { readdirSync, readFileSync } from 'node:fs';
import { cpuSeconds } from './machine.js';
import { memoryOf } from './memory.js';

export const MARK = 'SLUICE_BENCH_SERVER';

/** Those that live now. @param mark value of the variable {@link MARK}, or what stands before a slash in it */
export function processesOf(mark: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => pid !== process.pid && isMarked(pid, `${MARK}=${mark}`));
}

/** Sums over processes that may end meanwhile. */
export interface Usage {
  /** CPU seconds so far, by process. */
  readonly cpu: ReadonlyMap<number, number>;
  /** Resident megabytes; what processes share is counted once. */
  readonly memoryMb: number;
}

export function usageOf(pids: readonly number[]): Usage {
  const cpu = new Map<number, number>();
  let memoryMb = 0;
  for (const pid of pids) {
    try {
      cpu.set(pid, cpuSeconds(pid));
      memoryMb += memoryOf(pid).proportionalMb;
    } catch {
      // It has ended.
    }
  }
  return { cpu, memoryMb };
}

/** CPU seconds between two looks; a process that came between them counts from its start. */
export function cpuBetween(before: Usage, after: Usage): number {
  let seconds = 0;
  for (const [pid, now] of after.cpu) seconds += now - (before.cpu.get(pid) ?? 0);
  return seconds;
}

export function signalAll(pids: readonly number[], signal: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, signal);
    } catch {
      // It has ended.
    }
  }
}

/** Kills until none is left: one may start another meanwhile. */
export function killAll(mark: string): void {
  for (let pids = processesOf(mark); pids.length > 0; pids = processesOf(mark)) signalAll(pids, 'SIGKILL');
}

function isMarked(pid: number, wanted: string): boolean {
  try {
    const [, state] = /\) (\S)/.exec(readFileSync(`/proc/${pid}/stat`, 'latin1')) ?? [];
    if (state === 'Z' || state === 'X') return false;
    const variables = readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0');
    return variables.some((each) => each === wanted || each.startsWith(`${wanted}/`));
  } catch {
    // It has ended, or is another user's.
    return false;
  }
}
