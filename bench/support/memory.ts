/** What processes hold of the machine's memory. */

import { readFileSync } from 'node:fs';

export interface Memory {
  /** Resident: pages of libraries and files that several processes share are counted in each of them. */
  readonly residentMb: number;
  /** Proportional: a page that n processes share counts one n-th in each, so these may be added up. */
  readonly proportionalMb: number;
}

export function memoryOf(pid: number): Memory {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  // The kernel's kB are 1,024 bytes.
  const megabytes = (key: string) => Number(new RegExp(`^${key}:\\s+(\\d+) kB$`, 'm').exec(text)?.[1] ?? 0) * 0.001024;
  return { residentMb: megabytes('Rss'), proportionalMb: megabytes('Pss') };
}

export function memoryOfAll(pids: readonly number[]): Memory {
  const each = pids.map(memoryOf);
  return {
    residentMb: each.reduce((sum, { residentMb }) => sum + residentMb, 0),
    proportionalMb: each.reduce((sum, { proportionalMb }) => sum + proportionalMb, 0),
  };
}
