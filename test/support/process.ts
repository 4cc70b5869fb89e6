/** `sluice serve` as its own process, as an operator starts it: its log, its lanes, its end. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { ROOT } from './gateway.js';
import { SMALL } from './small-folders.js';

export type LogLine = Readonly<Record<string, unknown>>;

export class ServeProcess {
  readonly #child: ChildProcess;
  readonly log: LogLine[] = [];
  readonly stdout: string[] = [];
  readonly #watchers = new Set<() => void>();
  /** Exit code, or the signal that ended it. */
  readonly exited: Promise<number | string>;

  /**
   * @param flags for `sluice serve`; the port is any free one, and what is served is cifar10, unless they say otherwise
   * @param env variables beside those of this process
   */
  constructor(flags: readonly string[] = [], env: Readonly<Record<string, string>> = {}) {
    const usual = ['--host', '127.0.0.1', '--port', '0', '--lanes', '2', ...SMALL];
    const args = [`${ROOT}dist/cli/main.js`, 'serve', ...usual, ...flags];
    this.#child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } });
    createInterface({ input: this.#child.stdout! }).on('line', (line) => this.stdout.push(line));
    createInterface({ input: this.#child.stderr! }).on('line', (line) => {
      this.log.push(lineOf(line));
      for (const watcher of this.#watchers) watcher();
    });
    this.exited = once(this.#child, 'close').then(([code, signal]) => (code ?? signal) as number | string);
  }

  get pid(): number {
    return this.#child.pid!;
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** Resolves with the first line that has this message, already written or to come. */
  async said(message: string): Promise<LogLine> {
    const find = () => this.log.find(({ msg }) => msg === message);
    const ended = this.exited.then((end) => {
      throw new Error(`it ended (${end}) before it said "${message}": ${JSON.stringify(this.log)}`);
    });
    const heard = new Promise<LogLine>((resolve) => {
      const look = () => {
        const line = find();
        if (line === undefined) return;
        this.#watchers.delete(look);
        resolve(line);
      };
      this.#watchers.add(look);
      look();
    });
    return Promise.race([heard, ended]);
  }

  /** Where it listens; the lanes may still be cold. */
  async url(): Promise<string> {
    return String((await this.said('listens; lanes warm up')).url);
  }

  /** Process numbers of the lanes that were ever ready. */
  get lanePids(): number[] {
    return this.log.filter(({ msg }) => msg === 'lane is ready').map(({ pid }) => Number(pid));
  }

  /** Ends it if it has not ended. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.exited;
  }
}

/** False also for a process that has ended and waits to be reaped. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Looks again and again until it is so. */
export async function until(what: string, isSo: () => boolean | Promise<boolean>, withinMs = 20_000): Promise<void> {
  const end = Date.now() + withinMs;
  while (!(await isSo())) {
    if (Date.now() > end) throw new Error(`not so after ${withinMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** What is no JSON was said past the log, by V8 or a library: an error, as far as tests are concerned. */
function lineOf(line: string): LogLine {
  try {
    return JSON.parse(line) as LogLine;
  } catch {
    return { level: 50, msg: line };
  }
}
