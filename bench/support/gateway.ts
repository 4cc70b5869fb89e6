/** The real gateway process (dist/cli/main.js serve), as a benchmark drives and watches it. */

import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const PROBE = new URL('./loop-delay.mjs', import.meta.url).href;

/** Event-loop delay of the gateway process, milliseconds. */
export interface LoopDelay {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** Sums of all samples of the metrics that a benchmark compares before and after. */
export interface Counters {
  readonly macs: number;
  readonly fullMacs: number;
  readonly laneBusySeconds: number;
  readonly batches: number;
  readonly batchedPictures: number;
}

export class GatewayProcess {
  readonly #process: ChildProcess;
  readonly port: number;
  readonly lanePids: readonly number[];

  private constructor(child: ChildProcess, port: number, lanePids: readonly number[]) {
    this.#process = child;
    this.port = port;
    this.lanePids = lanePids;
  }

  /**
   * Starts it on any free port and waits until each lane is warm.
   * @param root a built checkout of Sluice
   * @param flags for `sluice serve`
   * @param env variables beyond those of the benchmark itself
   */
  static async start(
    root: string,
    flags: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ): Promise<GatewayProcess> {
    const child = fork(`${root}/dist/cli/main.js`, ['serve', '--host', '127.0.0.1', '--port', '0', ...flags], {
      // The second as `npm start` has it.
      execArgv: ['--import', PROBE, '--max-semi-space-size=64'],
      env: { ...process.env, ...env },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    process.once('exit', () => child.kill());
    const lanes: number[] = [];
    const said: string[] = [];
    for await (const line of createInterface({ input: child.stderr! })) {
      said.push(line);
      const entry = parse(line);
      if (entry.msg === 'lane is ready') lanes.push(entry.pid!);
      if (entry.msg !== 'ready') continue;
      child.stderr!.resume();
      return new GatewayProcess(child, Number(new URL(entry.url!).port), lanes);
    }
    throw new Error(`the gateway did not start: ${said.at(-1) ?? 'it said nothing'}`);
  }

  get pid(): number {
    return this.#process.pid!;
  }

  /** Since the last call. */
  async loopDelay(): Promise<LoopDelay> {
    this.#process.send('loop-delay');
    const [delay] = (await once(this.#process, 'message')) as [LoopDelay];
    return delay;
  }

  async get<T>(path: string): Promise<T> {
    return (await (await this.#fetch(path)).json()) as T;
  }

  async counters(): Promise<Counters> {
    const text = await (await this.#fetch('/metrics')).text();
    const sum = (name: string) => {
      const samples = text.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'gm'));
      return [...samples].reduce((total, [, value]) => total + Number(value), 0);
    };
    return {
      macs: sum('sluice_macs_total'),
      fullMacs: sum('sluice_full_macs_total'),
      laneBusySeconds: sum('sluice_lane_busy_seconds_total'),
      batches: sum('sluice_batch_size_count'),
      batchedPictures: sum('sluice_batch_size_sum'),
    };
  }

  async stop(): Promise<void> {
    await ended(this.#process);
  }

  async #fetch(path: string): Promise<Response> {
    const response = await fetch(`http://127.0.0.1:${this.port}${path}`);
    if (!response.ok) throw new Error(`${path} answered ${response.status}`);
    return response;
  }
}

/** Asked to, and waited for; one that has died already is not. */
export async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGTERM');
  await gone;
}

function parse(line: string): { msg?: string; pid?: number; url?: string } {
  try {
    return JSON.parse(line);
  } catch {
    return {};
  }
}
