/**
 * What interactive requests notice of a flood of batch, in one run and several rounds: their latency alone, beside the flood, and beside a
 * stranger, a bare loop of the full network that keeps one core busy as the lane with the batch does. What the stranger costs is the machine's share.
 */

import { parseArgs } from 'node:util';
import { Child } from './support/child.js';
import { type Outcome, outcomeOf, pathOf } from './support/flood.js';
import { fullRoute } from './support/full-route.js';
import { GatewayProcess, ROOT } from './support/gateway.js';
import type { LimitAnswer, LimitRequest } from './support/limit.js';
import type { LoadAnswer, LoadRequest } from './support/load.js';
import { machine } from './support/machine.js';
import type { OpenLoadRequest, Sent } from './support/open-load.js';
import { pictures } from './support/pictures.js';
import { keepResult } from './support/result.js';
import { Saturation } from './support/saturation.js';
import { show, spread, table } from './support/stats.js';

const LANES = 2;
const CONNECTIONS = 32;
/** Before the measured stretch: the flood has to fill the queues, and the lanes have to hear that people ask. */
const WARM_SECONDS = 3;
const CAPACITY_SECONDS = 6;

export const usage = `Usage: npm run bench -- priority [options]

Options:
  --cascade <name>     default: cifar10
  --policy <name>      default: full
  --share <x>          interactive load as a share of the capacity, default 0.2
  --times <n>          batch load as a multiple of the capacity, default 2
  --seconds <n>        of each part of a round, default 10
  --rounds <n>         default 3; ratios are taken round by round, then their median
  --side <n>           of the pictures, pixels, default 64
  --json               prints the result as JSON; it is always written to bench/results/
  --help
`;

export async function run(args: readonly string[]): Promise<number> {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    args: [...args],
    options: {
      cascade: { ...text, default: 'cifar10' },
      policy: { ...text, default: 'full' },
      share: { ...text, default: '0.2' },
      times: { ...text, default: '2' },
      seconds: { ...text, default: '10' },
      rounds: { ...text, default: '3' },
      side: { ...text, default: '64' },
      json: { type: 'boolean', default: false },
    },
  });
  const [share, times, seconds, side, count] = [
    values.share,
    values.times,
    values.seconds,
    values.side,
    values.rounds,
  ].map(Number) as [number, number, number, number, number];
  if (![share, times, seconds, side, count].every((value) => value > 0))
    throw new RangeError('--share, --times, --seconds, --side and --rounds: allowed are numbers above 0');
  const where = machine();
  const target = { cascade: values.cascade, policy: values.policy };
  const gateway = await GatewayProcess.start(ROOT, ['--lanes', String(LANES)]);
  try {
    const images = await pictures(64, side);
    using full = new Child<LoadRequest, LoadAnswer>('./load.ts');
    const saturation = new Saturation(full, images, target.cascade);
    await saturation.run(gateway, target.policy, CONNECTIONS, CAPACITY_SECONDS / 3);
    const { imagesPerSecond: capacity } = await saturation.run(gateway, target.policy, CONNECTIONS, CAPACITY_SECONDS);
    process.stderr.write(`capacity: ${capacity.toFixed(0)} images/s\n`);
    using people = new Child<OpenLoadRequest, readonly Sent[]>('./open-load.ts');
    using machines = new Child<OpenLoadRequest, readonly Sent[]>('./open-load.ts');
    machines.standAside();
    const send = (child: Child<OpenLoadRequest, readonly Sent[]>, perSecond: number, priority: string) =>
      child.ask({
        host: '127.0.0.1',
        port: gateway.port,
        path: pathOf(target),
        headers: { 'X-Sluice-Priority': priority },
        pictures: images,
        phases: [{ seconds: WARM_SECONDS + seconds, perSecond }],
      });
    using loop = new Child<LimitRequest, LimitAnswer>('./limit.ts');
    const { work } = await fullRoute(gateway, target.cascade);
    const ask = () => send(people, share * capacity, 'interactive');
    const measured = (sent: readonly Sent[]) => outcomeOf(sent, WARM_SECONDS * 1000, seconds * 1000);
    const rounds: Round[] = [];
    for (let round = 1; round <= count; round++) {
      const alone = measured(await ask());
      const [stranger] = await Promise.all([ask(), loop.ask({ ...work, batch: 1, seconds: WARM_SECONDS + seconds })]);
      const [beside, flood] = await Promise.all([ask(), send(machines, times * capacity, 'batch')]);
      rounds.push({ alone, stranger: measured(stranger), beside: measured(beside), flood: measured(flood) });
      process.stderr.write(`round ${round} of ${count}\n`);
    }
    const timesAlone = (part: 'beside' | 'stranger') =>
      spread(rounds.map((round) => round[part].p95_ms / round.alone.p95_ms));
    const p95_ratio = timesAlone('beside');
    const p95_ratio_stranger = timesAlone('stranger');
    const report = {
      bench: 'priority',
      machine: where,
      ...target,
      share,
      times,
      seconds,
      capacity,
      rounds,
      p95_ratio,
      p95_ratio_stranger,
    };
    const json = `${JSON.stringify(report, undefined, 2)}\n`;
    const file = await keepResult('priority', where.date, json);
    process.stdout.write(
      values.json
        ? json
        : `${shown(rounds)}\np95 / alone: ${show(p95_ratio, 2)} beside the flood, ${show(p95_ratio_stranger, 2)} beside a stranger\n`,
    );
    process.stderr.write(`written to ${file}\n`);
    return 0;
  } finally {
    await gateway.stop();
  }
}

type Round = Readonly<Record<'alone' | 'stranger' | 'beside' | 'flood', Outcome>>;

/** Medians of the rounds; of what was sent the sum. */
function shown(rounds: readonly Round[]): string {
  const row = (what: string, part: keyof Round) => {
    const of = (value: (outcome: Outcome) => number) => spread(rounds.map((round) => value(round[part]))).median;
    return [
      what,
      String(rounds.reduce((sum, round) => sum + round[part].sent, 0)),
      `${(100 * of(({ answered }) => answered)).toFixed(1)} %`,
      `${(100 * of(({ refused }) => refused)).toFixed(1)} %`,
      of(({ p50_ms }) => p50_ms).toFixed(1),
      of(({ p95_ms }) => p95_ms).toFixed(1),
      of(({ p99_ms }) => p99_ms).toFixed(1),
    ];
  };
  return table(
    ['requests', 'sent', 'answered', 'refused', 'p50 ms', 'p95 ms', 'p99 ms'],
    [
      row('interactive, alone', 'alone'),
      row('interactive, beside a stranger', 'stranger'),
      row('interactive, beside the flood', 'beside'),
      row('batch, the flood', 'flood'),
    ],
  );
}
