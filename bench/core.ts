/**
 * What the gateway adds to bare inference. In alternating rounds of the same run: two bare ONNX Runtime loops over the stage graphs
 * of the full route (the limit), and the real gateway over HTTP at saturation with small JPEGs.
 */

import { parseArgs } from 'node:util';
import { Child, LIKE_A_LANE } from './support/child.js';
import { type Bare, coreReport, coreText, TARGET_DELAY_MS, TARGET_RATIO } from './support/core-report.js';
import { fullRoute } from './support/full-route.js';
import { GatewayProcess, ROOT } from './support/gateway.js';
import type { LimitAnswer, LimitRequest } from './support/limit.js';
import type { LoadAnswer, LoadRequest } from './support/load.js';
import { cpuSeconds, machine } from './support/machine.js';
import { pictures } from './support/pictures.js';
import { keepResult } from './support/result.js';
import { type Saturated, Saturation } from './support/saturation.js';

const LANES = 2;
const BATCHES = [1, 2, 4, 8, 16, 32];
const CONNECTIONS = [32, 64, 128];
/** By then the just-in-time compiler is done with the gateway: its CPU time a picture falls by half (measured). */
const WARM_IMAGES = 4000;
const POLICIES = ['full', 'balanced'];

export const usage = `Usage: npm run bench -- core [options]

Options:
  --cascade <name>  default: the gateway's default
  --seconds <n>     of each measurement, default 4
  --rounds <n>      limit, gateway, limit, gateway ... default 5
  --against <dir>   another built checkout of Sluice, measured in the same rounds
  --json            prints the result as JSON; it is always written to bench/results/
  --help

Fails (exit code 1) on any answer but 200, a ratio below ${TARGET_RATIO}, or an event-loop delay p99 of ${TARGET_DELAY_MS} ms and more.
`;

interface Options {
  readonly cascade: string | undefined;
  readonly seconds: number;
  readonly rounds: number;
  readonly against: string | undefined;
  readonly json: boolean;
}

function parse(args: readonly string[]): Options {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    args: [...args],
    options: { cascade: text, seconds: text, rounds: text, against: text, json: { type: 'boolean', default: false } },
  });
  const positive = (name: 'seconds' | 'rounds', standard: number) => {
    const value = Number(values[name] ?? standard);
    if (!(value > 0)) throw new RangeError(`--${name}: allowed are numbers above 0`);
    return value;
  };
  return {
    cascade: values.cascade,
    seconds: positive('seconds', 4),
    rounds: Math.ceil(positive('rounds', 5)),
    against: values.against,
    json: values.json,
  };
}

export async function run(args: readonly string[]): Promise<number> {
  const options = parse(args);
  const where = machine();
  say(`load average before: ${where.load_before.toFixed(2)} (above 0.5 the machine is not idle)`);
  const flags = ['--lanes', String(LANES)];
  const gateways = new Map<string, GatewayProcess>();
  try {
    gateways.set('sluice', await GatewayProcess.start(ROOT, flags));
    if (options.against !== undefined) gateways.set('against', await GatewayProcess.start(options.against, flags));
    const report = coreReport({ where, seconds: options.seconds, ...(await measure(options, gateways)) });
    const text = `${JSON.stringify(report, undefined, 2)}\n`;
    const file = await keepResult('core', where.date, text);
    process.stdout.write(options.json ? text : coreText(report));
    say(`written to ${file}`);
    return report.targets.ratio.met && report.targets.loop_delay_p99_ms.met ? 0 : 1;
  } finally {
    for (const gateway of gateways.values()) await gateway.stop();
  }
}

async function measure(options: Options, gateways: ReadonlyMap<string, GatewayProcess>) {
  const { seconds, rounds } = options;
  const sluice = gateways.get('sluice')!;
  const { cascade, rung, batches: stageBatches, work } = await fullRoute(sluice, options.cascade);
  using load = new Child<LoadRequest, LoadAnswer>('./load.ts');
  using one = new Child<LimitRequest, LimitAnswer>('./limit.ts', LIKE_A_LANE);
  using two = new Child<LimitRequest, LimitAnswer>('./limit.ts', LIKE_A_LANE);
  const saturation = new Saturation(load, await pictures(64, work.input.resolution), cascade);
  const bare = async (batch: number, length: number): Promise<Bare> => {
    const cpu = () => cpuSeconds(one.pid) + cpuSeconds(two.pid);
    const before = cpu();
    const answers = await Promise.all([one, two].map((child) => child.ask({ ...work, batch, seconds: length })));
    const images = answers.reduce((sum, answer) => sum + answer.images, 0);
    const imagesPerSecond = answers.reduce((sum, answer) => sum + answer.images / answer.seconds, 0);
    return { imagesPerSecond, cpu: ((cpu() - before) * 1000) / images };
  };

  // Warm-up, and what is best for each side: the limit's batch size, the gateway's number of connections.
  const short = Math.min(1, seconds);
  await bare(1, short);
  const byBatch = await rates(BATCHES, (batch) => bare(batch, short));
  for (const gateway of gateways.values()) {
    for (const policy of POLICIES) {
      for (let images = 0; images < WARM_IMAGES; ) {
        images += (await saturation.run(gateway, policy, 64, 1)).imagesPerSecond;
      }
    }
  }
  const connectionsOf = new Map<string, number>();
  for (const [name, gateway] of gateways) {
    const byConnections = await rates(CONNECTIONS, (connections) =>
      saturation.run(gateway, 'full', connections, 2 * short),
    );
    connectionsOf.set(name, best(byConnections));
    say(`${name} by connections: ${list(byConnections)} images/s`);
  }
  const limitBatch = best(byBatch);
  const connections = connectionsOf.get('sluice')!;
  say(`limit by batch: ${list(byBatch)} images/s`);

  const limit: Bare[] = [];
  const limitBatch1: Bare[] = [];
  const gateway = new Map<string, Saturated[]>();
  for (let round = 1; round <= rounds; round++) {
    limit.push(await bare(limitBatch, seconds));
    for (const policy of POLICIES) {
      // None is always the one after the other.
      for (const [name, each] of round % 2 === 0 ? [...gateways].reverse() : gateways) {
        const key = `${name} ${policy}`;
        const run = await saturation.run(each, policy, connectionsOf.get(name)!, seconds);
        gateway.set(key, [...(gateway.get(key) ?? []), run]);
      }
    }
    limitBatch1.push(await bare(1, short));
    const full = gateway.get('sluice full')!.at(-1)!;
    say(
      `round ${round} of ${rounds}: limit ${limit.at(-1)!.imagesPerSecond.toFixed(0)}, gateway ${full.imagesPerSecond.toFixed(0)} images/s`,
    );
  }
  return { cascade, rung, stageBatches, limitBatch, connections, limit, limitBatch1, gateway };
}

/** Twice each, the better one: noise only ever takes away. */
async function rates(
  values: readonly number[],
  run: (value: number) => Promise<{ readonly imagesPerSecond: number }>,
): Promise<Map<number, number>> {
  const found = new Map<number, number>();
  for (const value of [...values, ...values]) {
    found.set(value, Math.max(found.get(value) ?? 0, (await run(value)).imagesPerSecond));
  }
  return found;
}

function best(found: ReadonlyMap<number, number>): number {
  return [...found].reduce((a, b) => (b[1] > a[1] ? b : a))[0];
}

function list(found: ReadonlyMap<number, number>): string {
  return [...found].map(([value, rate]) => `${value}: ${rate.toFixed(0)}`).join(', ');
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}
