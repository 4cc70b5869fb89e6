/** Keeps each lane to one core, by `taskset` (util-linux): Node itself cannot. For machines and sets of cores that are the gateway's own. */

import { execFile, execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/**
 * The cores that this process may run on.
 * @throws Error saying what lacks where lanes cannot be kept to one
 */
export function coresForLanes(): readonly number[] {
  let status: string;
  try {
    status = readFileSync('/proc/self/status', 'utf8');
  } catch {
    throw new Error('lanes can be kept to a core on Linux only');
  }
  try {
    execFileSync('taskset', ['-p', String(process.pid)], { stdio: 'ignore' });
  } catch {
    throw new Error('the program taskset (util-linux) is not here, or may not be used');
  }
  return parseCores(/^Cpus_allowed_list:\s*(\S+)$/m.exec(status)?.[1] ?? '0');
}

/** @param list as the kernel writes it, for example `0-2,5` */
export function parseCores(list: string): readonly number[] {
  return list.split(',').flatMap((part) => {
    const [first, last = first] = part.split('-').map(Number) as [number, number?];
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  });
}

/** All threads of the lane, and those to come. One that has just died is not kept anywhere. */
export function keepToCore(pid: number, lane: number, cores: readonly number[]): void {
  const core = cores[lane % cores.length]!;
  execFile('taskset', ['-a', '-c', '-p', String(core), String(pid)], () => {});
}
