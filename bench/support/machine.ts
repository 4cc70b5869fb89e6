/** What a result must say of where it was measured, and what processes cost. */

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os';
import { ROOT } from './gateway.js';

/** Clock ticks a second of /proc/PID/stat: USER_HZ, 100 on every Linux that Node runs on. */
const TICKS = 100;

/** CPU seconds, user and system, of a process and its threads so far. */
export function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The second field is the command in brackets and may hold spaces.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}

export function machine() {
  const version = (name: string) =>
    (JSON.parse(readFileSync(`${ROOT}node_modules/${name}/package.json`, 'utf8')) as { version: string }).version;
  const git = (...args: string[]) => execFileSync('git', args, { cwd: ROOT, encoding: 'utf8' }).trim();
  return {
    date: new Date().toISOString(),
    commit: git('rev-parse', '--short', 'HEAD') + (git('status', '--porcelain') === '' ? '' : '+changes'),
    cpu: cpus()[0]?.model ?? '',
    cores: availableParallelism(),
    memory_gib: Math.round(totalmem() / 2 ** 30),
    /** Runnable processes before the benchmark itself: above about 0.5 the machine was not idle. */
    load_before: loadavg()[0]!,
    node: process.versions.node,
    onnxruntime: version('onnxruntime-node'),
    sharp: version('sharp'),
    express: version('express'),
  };
}
