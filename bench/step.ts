/**
 * What a service goal does under a step of load: calm, then a multiple of what the first operating point can do, then calm again; once
 * with the controller and once without, in the same run. Sent open-loop on labelled pictures, so that lateness and errors both show.
 */

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { parseDocument } from 'yaml';
import { loadRepository } from '../src/cascade/loader.js';
import { listPictures } from '../src/cli/labelled.js';
import { shuffle } from '../src/tune/record.js';
import { Child } from './support/child.js';
import { GatewayProcess, ROOT } from './support/gateway.js';
import type { LoadAnswer, LoadRequest } from './support/load.js';
import { machine } from './support/machine.js';
import type { OpenLoadRequest, Sent } from './support/open-load.js';
import { keepResult } from './support/result.js';
import { Saturation } from './support/saturation.js';
import { table } from './support/stats.js';
import { stepChart } from './support/step-chart.js';

const LANES = 2;
const CONNECTIONS = 32;
const CAPACITY_SECONDS = 6;
const CALM = 0.4;

export const usage = `Usage: npm run bench -- step --policy <file> --data <dir> [options]

Options:
  --policy <file>     with a goal of latency and several points
  --data <dir>        labelled pictures, one folder a class
  --cascade <name>    default: the gateway's default
  --times <n>         load of the step as a multiple of what the first point can do, default 3
  --seconds <n>       of the step, default 30; calm before and after: a third of it each
  --limit <n>         pictures of each class, default 5
  --svg <file>        draws latency and point over time
  --json              prints the result as JSON; it is always written to bench/results/
  --help
`;

function parse(args: readonly string[]) {
  const text = { type: 'string' } as const;
  const options = { policy: text, data: text, cascade: text, times: text, seconds: text, limit: text, svg: text };
  const { values } = parseArgs({ args: [...args], options: { ...options, json: { type: 'boolean', default: false } } });
  const { policy, data } = values;
  if (policy === undefined || data === undefined) throw new RangeError('--policy and --data are needed');
  const positive = (name: 'times' | 'seconds' | 'limit', standard: number) => {
    const value = Number(values[name] ?? standard);
    if (!(value > 0)) throw new RangeError(`--${name}: allowed are numbers above 0`);
    return value;
  };
  return {
    ...values,
    policy,
    data,
    times: positive('times', 3),
    seconds: positive('seconds', 30),
    limit: positive('limit', 5),
  };
}

export async function run(args: readonly string[]): Promise<number> {
  const options = parse(args);
  const where = machine();
  const policies = await mkdtemp(join(tmpdir(), 'sluice-step-'));
  try {
    const goalMs = await writePolicies(options.policy, policies);
    const flags = ['--lanes', String(LANES), '--policies', policies, '--policy', 'without'];
    const gateway = await GatewayProcess.start(ROOT, flags);
    try {
      const { cascades } = await gateway.get<{ cascades: { name: string; default: boolean }[] }>('/v1/cascades');
      const cascade = options.cascade ?? cascades.find((each) => each.default)!.name;
      const pictures = await labelled(options.data, cascade, options.limit);
      const images = pictures.map(({ image }) => image);
      const capacity = await capacityOf(gateway, images, cascade);
      process.stderr.write(`the first point can do ${capacity.toFixed(0)} images/s\n`);
      const calm = { seconds: options.seconds / 3, perSecond: CALM * capacity };
      const step = { seconds: options.seconds, perSecond: options.times * capacity };
      const runs: StepRun[] = [];
      for (const policy of ['with', 'without'] as const) {
        using load = new Child<OpenLoadRequest, readonly Sent[]>('./open-load.ts');
        const path = `/v1/classify?cascade=${cascade}&policy=${policy}`;
        const target = { host: '127.0.0.1', port: gateway.port, path };
        const sent = await load.ask({ ...target, pictures: images, phases: [calm, step, calm] });
        const isRight = ({ picture, guess }: Sent) => pictures[picture]!.label === guess;
        runs.push({ policy, ...judged(sent, calm.seconds * 1000, step.seconds * 1000, goalMs, isRight), sent });
        process.stderr.write(`${policy} the controller: done\n`);
      }
      const shownRuns = runs.map(({ sent: _, ...rest }) => rest);
      const report = {
        where,
        cascade,
        goalMs,
        capacity,
        times: options.times,
        seconds: options.seconds,
        runs: shownRuns,
      };
      const text = `${JSON.stringify(report, undefined, 2)}\n`;
      const file = await keepResult('step', where.date, text);
      if (options.svg !== undefined) await writeFile(options.svg, await stepChart(runs, goalMs));
      process.stdout.write(options.json ? text : `${shown(runs, goalMs)}\n`);
      process.stderr.write(`written to ${file}\n`);
      return 0;
    } finally {
      await gateway.stop();
    }
  } finally {
    await rm(policies, { recursive: true });
  }
}

export interface StepRun {
  readonly policy: 'with' | 'without';
  /** Of the requests sent during the step. */
  readonly requests: number;
  /** Share answered with 200 within the goal. */
  readonly in_goal: number;
  readonly refused: number;
  readonly p50_ms: number;
  readonly p95_ms: number;
  /** Of the answers. */
  readonly top1: number;
  /** Of the calm before. */
  readonly calm_top1: number;
  readonly points: Readonly<Record<string, number>>;
  readonly sent: readonly Sent[];
}

/** The policy as it is, and without its goal. @returns the goal, milliseconds */
async function writePolicies(file: string, folder: string): Promise<number> {
  const document = parseDocument(await readFile(file, 'utf8'));
  const goal = document.getIn(['goal', 'latency_p95_ms']);
  if (typeof goal !== 'number') throw new RangeError(`${file}: goal.latency_p95_ms is needed`);
  await writeFile(join(folder, 'with.yaml'), document.toString());
  document.delete('goal');
  await writeFile(join(folder, 'without.yaml'), document.toString());
  return goal;
}

/** The first pictures of each class, the classes mixed the same way every time. */
async function labelled(folder: string, name: string, limit: number) {
  const { cascades } = await loadRepository(join(ROOT, 'models'));
  const pictures = await listPictures(folder, cascades.find((each) => each.name === name)!, limit);
  const mixed = shuffle(pictures.length, 1).map((at) => pictures[at]!);
  return Promise.all(mixed.map(async ({ file, label }) => ({ label, image: await readFile(file) })));
}

async function capacityOf(gateway: GatewayProcess, pictures: readonly Uint8Array[], cascade: string): Promise<number> {
  using load = new Child<LoadRequest, LoadAnswer>('./load.ts');
  const saturation = new Saturation(load, pictures, cascade);
  await saturation.run(gateway, 'without', CONNECTIONS, CAPACITY_SECONDS / 3);
  return (await saturation.run(gateway, 'without', CONNECTIONS, CAPACITY_SECONDS)).imagesPerSecond;
}

function judged(sent: readonly Sent[], fromMs: number, forMs: number, goalMs: number, isRight: (one: Sent) => boolean) {
  const during = sent.filter(({ atMs }) => atMs >= fromMs && atMs < fromMs + forMs);
  const share = (part: number, whole: number) => Number((part / Math.max(1, whole)).toFixed(4));
  const answered = during.filter(({ status }) => status === 200);
  const millis = answered.map(({ ms }) => ms).sort((a, b) => a - b);
  const at = (q: number) => Number((millis[Math.floor(q * (millis.length - 1))] ?? Number.NaN).toFixed(1));
  const before = sent.filter(({ atMs, status }) => atMs < fromMs && status === 200);
  const points: Record<string, number> = {};
  for (const { point } of answered) points[point] = (points[point] ?? 0) + 1;
  return {
    requests: during.length,
    in_goal: share(answered.filter(({ ms }) => ms <= goalMs).length, during.length),
    refused: during.length - answered.length,
    p50_ms: at(0.5),
    p95_ms: at(0.95),
    top1: share(answered.filter(isRight).length, answered.length),
    calm_top1: share(before.filter(isRight).length, before.length),
    points,
  };
}

function shown(runs: readonly StepRun[], goalMs: number): string {
  return table(
    ['controller', 'requests', `within ${goalMs} ms`, 'failed', 'p50 ms', 'p95 ms', 'top-1', 'top-1 before', 'points'],
    runs.map((each) => [
      each.policy,
      String(each.requests),
      `${(100 * each.in_goal).toFixed(1)} %`,
      String(each.refused),
      each.p50_ms.toFixed(0),
      each.p95_ms.toFixed(0),
      `${(100 * each.top1).toFixed(1)} %`,
      `${(100 * each.calm_top1).toFixed(1)} %`,
      JSON.stringify(each.points),
    ]),
  );
}
