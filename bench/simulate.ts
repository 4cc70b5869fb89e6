/**
 * What happens beyond the machine that is here: 2 to 64 lanes behind one gateway, and many gateways behind a load balancer, simulated
 * from what a running gateway was measured to take. The same simulation is held against that gateway first.
 */

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { type Measured, measureProfile } from './simulate/measure.js';
import { Profile } from './simulate/profile.js';
import { type SimulateReport, simulateReport } from './simulate/report.js';
import { lightP95, sweepGateways, sweepLanes } from './simulate/sweep.js';
import { simulateText } from './simulate/text.js';
import { type Validation, validate } from './simulate/validate.js';
import { describedPictures, picturesOf } from './support/folder.js';
import { GatewayProcess, ROOT } from './support/gateway.js';
import { machine } from './support/machine.js';
import { keepResult } from './support/result.js';
import { caption, commandOf, shownPictures, writeResults } from './support/result-block.js';

const LANES = [2, 4, 8, 16, 32, 64];
const GATEWAYS = [2, 8, 32];
const VALIDATED = [0.3, 0.5, 0.7, 0.9];
const PAGE = 'docs/scaling.md';
/** A p95 of so many times that of a gateway with hardly anything to do counts as held, where no goal is given. */
const GOAL_TIMES = 5;

/** Of a part: file and what it shows. */
const PICTURES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  validation: { 'simulate-validation.svg': 'Latency by load, measured and predicted' },
  lanes: {
    'simulate-lanes.svg': 'Images a second by lanes: ideal, held, and the most of one event loop',
    'simulate-load.svg': 'p95 and pictures a run by load, for each number of lanes',
  },
  balancers: { 'simulate-balancers.svg': 'p99 by gateways and balancer' },
};

export const usage = `Usage: npm run bench -- simulate [options]

Options:
  --from <file>       result of an earlier run: its profile is taken, nothing is measured
  --data <dir>        pictures, also in folders below; default: some drawn by script
  --cascade <name>    default: the gateway's default
  --policy <name>     default: balanced
  --lanes <list>      behind one gateway, default: ${LANES.join(',')}
  --gateways <list>   behind a balancer, default: ${GATEWAYS.join(',')}
  --each <n>          lanes of each of them, default: 2
  --goal-ms <n>       p95 up to which a load counts as held; default: ${GOAL_TIMES} times that at a tenth of the load
  --requests <n>      of each simulation, default 15000
  --seed <n>          default 1
  --seconds <n>       of each measurement, default 20
  --rounds <n>        of the validation at ${VALIDATED.map((load) => `${100 * load}`).join(', ')} % load, default 3
  --svg <dir>         draws simulate-lanes.svg, simulate-load.svg, simulate-balancers.svg, simulate-validation.svg there
  --docs              writes the results into ${PAGE}
  --json              prints the result as JSON; it is always written to bench/results/
  --help
`;

function parse(args: readonly string[]) {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean', default: false } as const;
  const numbers = { each: text, 'goal-ms': text, requests: text, seed: text, seconds: text, rounds: text };
  const { values } = parseArgs({
    args: [...args],
    options: {
      ...{ from: text, data: text, cascade: text, policy: text, lanes: text, gateways: text, svg: text },
      ...{ docs: flag, json: flag, ...numbers },
    },
  });
  const positive = (name: string, value: string | number) => {
    if (!(Number(value) > 0)) throw new RangeError(`--${name}: allowed are numbers above 0`);
    return Number(value);
  };
  const list = (name: 'lanes' | 'gateways', standard: readonly number[]) =>
    values[name]?.split(',').map((value) => Math.ceil(positive(name, value))) ?? standard;
  const goal = values['goal-ms'];
  return {
    ...values,
    policy: values.policy ?? 'balanced',
    lanes: list('lanes', LANES),
    gateways: list('gateways', GATEWAYS),
    each: Math.ceil(positive('each', values.each ?? 2)),
    goalMs: goal === undefined ? undefined : positive('goal-ms', goal),
    requests: Math.ceil(positive('requests', values.requests ?? 15_000)),
    seed: Math.ceil(positive('seed', values.seed ?? 1)),
    seconds: positive('seconds', values.seconds ?? 20),
    rounds: Math.ceil(positive('rounds', values.rounds ?? 3)),
  };
}

type Options = ReturnType<typeof parse>;

interface Basis {
  readonly profile: Profile;
  readonly pictures: string;
  readonly validation: Validation | undefined;
}

export async function run(args: readonly string[]): Promise<number> {
  const options = parse(args);
  const where = machine();
  const { profile, pictures, validation } =
    options.from === undefined ? await measured(options, where.cores) : await earlier(options.from);
  const sweep = { requests: options.requests, seed: options.seed, said: say };
  const goalMs = options.goalMs ?? GOAL_TIMES * lightP95(profile, options.lanes[0]!, sweep);
  const lanes = options.lanes.map((each) => sweepLanes(profile, each, goalMs, sweep));
  const gateways = options.gateways.flatMap((each) => sweepGateways(profile, each, options.each, sweep));
  const report = simulateReport({ where, pictures, profile, validation, lanes, gateways, goalMs, options });
  const json = `${JSON.stringify(report, undefined, 2)}\n`;
  const file = await keepResult('simulate', where.date, json);
  const text = simulateText(report);
  process.stdout.write(options.json ? json : `${Object.values(text).join('\n\n')}\n`);
  if (options.svg !== undefined) await draw(report, options.svg);
  if (options.docs) {
    const head = caption(where, commandOf('simulate', args));
    const named = Object.entries(text).map(([section, shown]) => {
      const pictures = shownPictures(options.svg, PICTURES[section] ?? {});
      return [`simulate ${section}`, `${head}\n\n${shown}${pictures}`];
    });
    await writeResults(PAGE, Object.fromEntries(named));
  }
  say(`written to ${file}`);
  return 0;
}

/** A gateway as `sluice serve` starts it: one lane a core. */
async function measured(options: Options, cores: number): Promise<Basis> {
  const pictures = await picturesOf(options.data);
  const gateway = await GatewayProcess.start(ROOT, ['--lanes', String(cores)]);
  try {
    const { cascades } = await gateway.get<{ cascades: { name: string; default: boolean }[] }>('/v1/cascades');
    const cascade = options.cascade ?? cascades.find((each) => each.default)!.name;
    const subject = { gateway, cascade, policy: options.policy, pictures, seconds: options.seconds };
    const found: Measured = await measureProfile(subject);
    say(`measured: ${found.saturated.imagesPerSecond.toFixed(0)} images/s with full lanes`);
    const validation = await validate(subject, found, VALIDATED, { rounds: options.rounds, cores });
    return { profile: found.profile, pictures: describedPictures(pictures, options.data), validation };
  } finally {
    await gateway.stop();
  }
}

const Earlier = z.object({ pictures: z.string(), profile: Profile });

/** @throws Error where the file is no result of this benchmark */
async function earlier(file: string): Promise<Basis> {
  const found = Earlier.safeParse(JSON.parse(await readFile(file, 'utf8')));
  if (!found.success)
    throw new RangeError(`--from: ${file} is no result of this benchmark: ${z.prettifyError(found.error)}`);
  return { ...found.data, validation: undefined };
}

async function draw(report: SimulateReport, folder: string): Promise<void> {
  const { simulateCharts } = await import('./simulate/charts.js');
  for (const [name, svg] of Object.entries(await simulateCharts(report))) await writeFile(join(folder, name), svg);
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}
