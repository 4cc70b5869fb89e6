/** Keeps running processes to some of the cores, so that one lane on one core can be compared with n lanes on n cores. */

import { execFileSync } from 'node:child_process';
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

/** All threads of these processes run on the first so many of our cores from now on, default all; threads to come inherit it. */
export function pin(pids: readonly number[], count?: number): void {
  const cores = coresForLanes().slice(0, count).join();
  for (const pid of pids) execFileSync('taskset', ['-a', '-c', '-p', cores, String(pid)], { stdio: 'ignore' });
}
