/** A gateway whose start is timed by what it logs, as an operator has it: nothing is preloaded into it. */

import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { ended, ROOT } from '../support/gateway.js';

export interface TimedGateway {
  readonly pid: number;
  readonly lanePids: readonly number[];
  readonly port: number;
  /** Since the process was started: its port is open, one lane is warm, all are and it says that it is ready. */
  readonly listensMs: number;
  readonly firstLaneMs: number;
  readonly readyMs: number;
  stop(): Promise<void>;
}

interface Line {
  readonly msg?: string;
  readonly pid?: number;
  readonly url?: string;
}

/** @param flags for `sluice serve` */
export async function startTimed(flags: readonly string[]): Promise<TimedGateway> {
  const from = performance.now();
  const args = [`${ROOT}dist/cli/main.js`, 'serve', '--host', '127.0.0.1', '--port', '0', ...flags];
  const child = spawn(process.execPath, ['--max-semi-space-size=64', ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  const at = new Map<string, number>();
  const lanePids: number[] = [];
  let last = 'it said nothing';
  for await (const text of createInterface({ input: child.stderr })) {
    last = text;
    const { msg = '', pid, url } = parsed(text);
    if (!at.has(msg)) at.set(msg, performance.now() - from);
    if (msg === 'lane is ready') lanePids.push(pid!);
    if (msg !== 'ready') continue;
    child.stderr.resume();
    return {
      pid: child.pid!,
      lanePids,
      port: Number(new URL(url!).port),
      listensMs: at.get('listens; lanes warm up')!,
      firstLaneMs: at.get('lane is ready')!,
      readyMs: at.get('ready')!,
      stop: () => stopped(child, kill),
    };
  }
  throw new Error(`the gateway did not start: ${last}`);
}

async function stopped(child: ChildProcess, kill: () => void): Promise<void> {
  process.off('exit', kill);
  await ended(child);
}

function parsed(text: string): Line {
  try {
    return JSON.parse(text) as Line;
  } catch {
    return {};
  }
}
