/** Keeps running processes to some of the cores, so that one lane on one core can be compared with n lanes on n cores. */

import { execFileSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { coresForLanes } from '../../src/gateway/cores.js';

/** Whether processes can be pinned here. */
export function canPin(): boolean {
  try {
    coresForLanes();
    return true;
  } catch {
    return false;
  }
}

/** All threads of these processes run on the first `cores` cores from now on; threads to come inherit it. */
export function pin(pids: readonly number[], cores = availableParallelism()): void {
  for (const pid of pids)
    execFileSync('taskset', ['-a', '-c', '-p', `0-${cores - 1}`, String(pid)], { stdio: 'ignore' });
}
