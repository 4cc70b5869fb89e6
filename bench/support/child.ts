/** A helper process of a benchmark: one request at a time, one answer each, over the IPC channel. */

import { type ChildProcess, fork } from 'node:child_process';
import { constants, setPriority } from 'node:os';
import { fileURLToPath } from 'node:url';
import { COLLECTOR, MALLOC } from '../../src/gateway/lane-process.js';

export interface ChildOptions {
  /** Beyond those of the benchmark. */
  readonly env?: Readonly<Record<string, string>>;
  /** Of Node, beyond those of the benchmark. */
  readonly flags?: readonly string[];
}

/** Memory and collection as a lane has them: for loops that are held against lanes. */
export const LIKE_A_LANE: ChildOptions = { env: MALLOC, flags: COLLECTOR };

export class Child<Request, Answer> {
  readonly #process: ChildProcess;

  /** @param entry TypeScript file, relative to this folder; it inherits the tsx loader of the benchmark itself */
  constructor(entry: string, { env = {}, flags = [] }: ChildOptions = {}) {
    this.#process = fork(fileURLToPath(new URL(entry, import.meta.url)), [], {
      serialization: 'advanced',
      env: { ...process.env, ...env },
      execArgv: [...process.execArgv, ...flags],
    });
  }

  get pid(): number {
    return this.#process.pid!;
  }

  /** It gets the processor when nobody else wants it: for a sender that would have a machine of its own. */
  standAside(): void {
    setPriority(this.pid, constants.priority.PRIORITY_LOW);
  }

  ask(request: Request): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const died = (code: number | null, signal: string | null) =>
        reject(new Error(`a helper of the benchmark died: ${signal ?? `exit code ${code}`}`));
      this.#process.once('exit', died);
      this.#process.once('message', (answer) => {
        this.#process.off('exit', died);
        resolve(answer as Answer);
      });
      this.#process.send(request as object);
    });
  }

  [Symbol.dispose](): void {
    this.#process.kill('SIGKILL');
  }
}

/** The other side: answers each request of the benchmark. */
export function serve<Request, Answer>(answer: (request: Request) => Promise<Answer>): void {
  process.on('message', async (request: Request) => {
    process.send!(await answer(request));
  });
  process.on('disconnect', () => process.exit(0));
}
