/**
 * What a policy saves in time, decoding and transport counted: images/s over HTTP on the caller's own pictures, every policy in turn in
 * each round of the same run, as a ratio to the policy `full`.
 */

import { parseArgs } from 'node:util';
import { Child } from './support/child.js';
import { picturesOf } from './support/folder.js';
import { GatewayProcess, ROOT } from './support/gateway.js';
import type { LoadAnswer, LoadRequest } from './support/load.js';
import { machine } from './support/machine.js';
import { keepResult } from './support/result.js';
import { type Saturated, Saturation } from './support/saturation.js';
import { show, spread, table } from './support/stats.js';

const LANES = 2;
const WARM_SECONDS = 2;

export const usage = `Usage: npm run bench -- photos --data <dir> [options]

Options:
  --data <dir>        pictures, also in folders below; they are sent as they are
  --cascade <name>    default: the gateway's default
  --policies <list>   default: full,balanced,fast
  --connections <n>   requests in flight, default 32
  --seconds <n>       of each measurement, default 5
  --rounds <n>        default 5
  --json              prints the result as JSON; it is always written to bench/results/
  --help

Fails (exit code 1) on any answer but 200.
`;

function parse(args: readonly string[]) {
  const text = { type: 'string' } as const;
  const options = { data: text, cascade: text, policies: text, connections: text, seconds: text, rounds: text };
  const { values } = parseArgs({ args: [...args], options: { ...options, json: { type: 'boolean', default: false } } });
  if (values.data === undefined) throw new RangeError('--data is needed: a folder with pictures');
  const positive = (name: 'connections' | 'seconds' | 'rounds', standard: number) => {
    const value = Number(values[name] ?? standard);
    if (!(value > 0)) throw new RangeError(`--${name}: allowed are numbers above 0`);
    return value;
  };
  const policies = (values.policies ?? 'full,balanced,fast').split(',');
  return {
    data: values.data,
    cascade: values.cascade,
    policies: ['full', ...policies.filter((name) => name !== 'full')],
    connections: Math.ceil(positive('connections', 32)),
    seconds: positive('seconds', 5),
    rounds: Math.ceil(positive('rounds', 5)),
    json: values.json,
  };
}

export async function run(args: readonly string[]): Promise<number> {
  const options = parse(args);
  const where = machine();
  const pictures = await picturesOf(options.data);
  const gateway = await GatewayProcess.start(ROOT, ['--lanes', String(LANES)]);
  try {
    const { cascades } = await gateway.get<{ cascades: { name: string; default: boolean }[] }>('/v1/cascades');
    const cascade = options.cascade ?? cascades.find((each) => each.default)!.name;
    using load = new Child<LoadRequest, LoadAnswer>('./load.ts');
    const saturation = new Saturation(load, pictures, cascade);
    const measure = (policy: string, seconds: number) => saturation.run(gateway, policy, options.connections, seconds);
    for (const policy of options.policies) await measure(policy, WARM_SECONDS);
    const runs = new Map<string, Saturated[]>(options.policies.map((policy) => [policy, []]));
    for (let round = 1; round <= options.rounds; round++) {
      for (const policy of options.policies) runs.get(policy)!.push(await measure(policy, options.seconds));
      process.stderr.write(`round ${round} of ${options.rounds}\n`);
    }
    const { connections, seconds } = options;
    const report = { where, cascade, pictures: pictures.length, connections, seconds, policies: summary(runs) };
    const text = `${JSON.stringify(report, undefined, 2)}\n`;
    const file = await keepResult('photos', where.date, text);
    process.stdout.write(options.json ? text : `${shown(report.policies)}\n`);
    process.stderr.write(`written to ${file}\n`);
    return 0;
  } finally {
    await gateway.stop();
  }
}

function summary(runs: ReadonlyMap<string, readonly Saturated[]>) {
  const full = runs.get('full')!;
  return [...runs].map(([policy, each]) => ({
    policy,
    images_per_second: spread(each.map((one) => one.imagesPerSecond)),
    /** Round by round: both of a round saw the same machine. */
    speedup: spread(each.map((one, round) => one.imagesPerSecond / full[round]!.imagesPerSecond)),
    macs_ratio: each[0]!.costRatio,
    p50_ms: spread(each.map((one) => one.p50)),
    p99_ms: spread(each.map((one) => one.p99)),
    lane_cpu_ms: spread(each.map((one) => one.cpu.lanes)),
    run_ms: spread(each.map((one) => one.runs)),
  }));
}

function shown(policies: ReturnType<typeof summary>): string {
  return table(
    ['policy', 'images/s', 'times full', 'MACs of full', 'p50 ms', 'p99 ms', 'lane CPU ms', 'of it in runs'],
    policies.map((each) => [
      each.policy,
      show(each.images_per_second),
      show(each.speedup, 2),
      each.macs_ratio.toFixed(3),
      show(each.p50_ms),
      show(each.p99_ms),
      show(each.lane_cpu_ms, 2),
      show(each.run_ms, 2),
    ]),
  );
}
