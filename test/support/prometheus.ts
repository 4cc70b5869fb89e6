/** The real Prometheus and its promtool, as Debian's package `prometheus` installs them. */

import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../bench/support/free-port.js';
import { ROOT } from './gateway.js';
import { until } from './process.js';

export const hasPrometheus = has('prometheus') && has('promtool');
/** For the title of tests that need it. */
export const MISSING = hasPrometheus
  ? ''
  : ' (missing: the programs prometheus and promtool, Debian package prometheus)';

function has(program: string): boolean {
  try {
    execFileSync(program, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** Runs `promtool ARGS` in the root of the repository; resolves with its exit code and all that it said. */
export async function promtool(args: readonly string[], stdin = ''): Promise<{ code: number; said: string }> {
  return new Promise((resolve) => {
    const child = execFile('promtool', [...args], { cwd: ROOT }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code ?? 1), said: stdout + stderr }),
    );
    child.stdin!.end(stdin);
  });
}

export interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Scrapes one target every second, with the rules of grafana/. */
export class Prometheus {
  readonly #child: ChildProcess;
  readonly #folder: string;
  readonly #url: string;

  private constructor(child: ChildProcess, folder: string, url: string) {
    this.#child = child;
    this.#folder = folder;
    this.#url = url;
  }

  /** @param target host:port */
  static async start(target: string): Promise<Prometheus> {
    const folder = await mkdtemp(join(tmpdir(), 'sluice-prometheus-'));
    const config = join(folder, 'prometheus.yaml');
    await writeFile(
      config,
      JSON.stringify({
        global: { scrape_interval: '1s', evaluation_interval: '1s' },
        rule_files: [`${ROOT}grafana/recording.yaml`, `${ROOT}grafana/alerts.yaml`],
        scrape_configs: [{ job_name: 'sluice', static_configs: [{ targets: [target] }] }],
      }),
    );
    const address = `127.0.0.1:${await freePort()}`;
    const args = [`--config.file=${config}`, `--storage.tsdb.path=${folder}`, `--web.listen-address=${address}`];
    const child = spawn('prometheus', [...args, '--log.level=error'], { stdio: ['ignore', 'ignore', 'inherit'] });
    process.once('exit', () => child.kill());
    const prometheus = new Prometheus(child, folder, `http://${address}`);
    await until('Prometheus is ready', () =>
      fetch(`${prometheus.#url}/-/ready`).then(
        ({ ok }) => ok,
        () => false,
      ),
    );
    return prometheus;
  }

  /** @throws Error where Prometheus refuses the query */
  async query(promql: string): Promise<Sample[]> {
    const response = await fetch(`${this.#url}/api/v1/query`, {
      method: 'POST',
      body: new URLSearchParams({ query: promql }),
    });
    const { status, error, data } = (await response.json()) as {
      status: string;
      error?: string;
      data?: { resultType: string; result: { metric: Record<string, string>; value: [number, string] }[] };
    };
    if (status !== 'success') throw new Error(`${error}: ${promql}`);
    if (data!.resultType !== 'vector') throw new Error(`a ${data!.resultType} comes of ${promql}`);
    return data!.result.map(({ metric, value }) => ({ metric, value: Number(value[1]) }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const gone = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    await gone;
    await rm(this.#folder, { recursive: true });
  }
}
