/**
 * What interactive requests notice of a flood of batch, in one run: their latency alone, beside the flood, and beside a stranger, a bare
 * loop of the full network that keeps one core busy as the lane with the batch does. What the stranger costs is the machine's share.
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
import { table } from './support/stats.js';

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
  --seconds <n>        of each part, default 20
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
      seconds: { ...text, default: '20' },
      side: { ...text, default: '64' },
      json: { type: 'boolean', default: false },
    },
  });
  const [share, times, seconds, side] = ([values.share, values.times, values.seconds, values.side] as const).map(
    Number,
  ) as [number, number, number, number];
  if (![share, times, seconds, side].every((value) => value > 0))
    throw new RangeError('--share, --times, --seconds and --side: allowed are numbers above 0');
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
    const alone = await send(people, share * capacity, 'interactive');
    using loop = new Child<LimitRequest, LimitAnswer>('./limit.ts');
    const { work } = await fullRoute(gateway, target.cascade);
    const [stranger] = await Promise.all([
      send(people, share * capacity, 'interactive'),
      loop.ask({ ...work, batch: 1, seconds: WARM_SECONDS + seconds }),
    ]);
    const [beside, flood] = await Promise.all([
      send(people, share * capacity, 'interactive'),
      send(machines, times * capacity, 'batch'),
    ]);
    const outcomes = Object.fromEntries(
      Object.entries({ alone, stranger, beside, flood }).map(([name, sent]) => [
        name,
        outcomeOf(sent, WARM_SECONDS * 1000, seconds * 1000),
      ]),
    ) as Outcomes;
    const timesAlone = (of: Outcome) => Number((of.p95_ms / outcomes.alone.p95_ms).toFixed(2));
    const p95_ratio = timesAlone(outcomes.beside);
    const p95_ratio_stranger = timesAlone(outcomes.stranger);
    const report = {
      bench: 'priority',
      machine: where,
      ...target,
      share,
      times,
      seconds,
      capacity,
      ...outcomes,
      p95_ratio,
      p95_ratio_stranger,
    };
    const json = `${JSON.stringify(report, undefined, 2)}\n`;
    const file = await keepResult('priority', where.date, json);
    process.stdout.write(
      values.json
        ? json
        : `${shown(outcomes)}\np95 / alone: ${p95_ratio} beside the flood, ${p95_ratio_stranger} beside a stranger\n`,
    );
    process.stderr.write(`written to ${file}\n`);
    return 0;
  } finally {
    await gateway.stop();
  }
}

type Outcomes = Readonly<Record<'alone' | 'stranger' | 'beside' | 'flood', Outcome>>;

function shown({ alone, stranger, beside, flood }: Outcomes): string {
  const row = (what: string, each: Outcome) => [
    what,
    String(each.sent),
    `${(100 * each.answered).toFixed(1)} %`,
    `${(100 * each.refused).toFixed(1)} %`,
    each.p50_ms.toFixed(1),
    each.p95_ms.toFixed(1),
    each.p99_ms.toFixed(1),
  ];
  return table(
    ['requests', 'sent', 'answered', 'refused', 'p50 ms', 'p95 ms', 'p99 ms'],
    [
      row('interactive, alone', alone),
      row('interactive, beside a stranger', stranger),
      row('interactive, beside the flood', beside),
      row('batch, the flood', flood),
    ],
  );
}
