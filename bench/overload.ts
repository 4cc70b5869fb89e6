/**
 * Several times more requests than the gateway can answer, sent open-loop with a deadline: what it still answers, as a ratio to what it
 * answers at its capacity in the same run; whether those that it took are answered by their deadline; and whether its memory stays.
 */

import { parseArgs } from 'node:util';
import { Child } from './support/child.js';
import { type Outcome, outcomeOf, pathOf } from './support/flood.js';
import { GatewayProcess, ROOT } from './support/gateway.js';
import type { LoadAnswer, LoadRequest } from './support/load.js';
import { machine } from './support/machine.js';
import type { OpenLoadRequest, Sent } from './support/open-load.js';
import { pictures } from './support/pictures.js';
import { usageOf } from './support/processes.js';
import { keepResult } from './support/result.js';
import { Saturation } from './support/saturation.js';
import { table } from './support/stats.js';

const LANES = 2;
const CONNECTIONS = 32;
const CAPACITY_SECONDS = 6;
/** Before the measured stretch: the queue has to fill. */
const WARM_SECONDS = 2;

export const usage = `Usage: npm run bench -- overload [options]

Options:
  --cascade <name>     default: cifar10
  --policy <name>      default: full
  --times <n>          load as a multiple of the capacity, default 5
  --seconds <n>        default 60
  --deadline-ms <n>    of each request, default 1000
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
      times: { ...text, default: '5' },
      seconds: { ...text, default: '60' },
      'deadline-ms': { ...text, default: '1000' },
      side: { ...text, default: '64' },
      json: { type: 'boolean', default: false },
    },
  });
  const [times, seconds, deadlineMs, side] = (
    [values.times, values.seconds, values['deadline-ms'], values.side] as const
  ).map(Number) as [number, number, number, number];
  if (![times, seconds, deadlineMs, side].every((value) => value > 0))
    throw new RangeError('--times, --seconds, --deadline-ms and --side: allowed are numbers above 0');
  const where = machine();
  const target = { cascade: values.cascade, policy: values.policy };
  const gateway = await GatewayProcess.start(ROOT, ['--lanes', String(LANES)]);
  try {
    const images = await pictures(64, side);
    const capacity = await capacityOf(gateway, images, target);
    process.stderr.write(`capacity: ${capacity.toFixed(0)} images/s\n`);
    using memory = new MemoryWatch([gateway.pid, ...gateway.lanePids]);
    using load = new Child<OpenLoadRequest, readonly Sent[]>('./open-load.ts');
    const sent = await load.ask({
      host: '127.0.0.1',
      port: gateway.port,
      path: pathOf(target, deadlineMs),
      // Enough for all that the gateway may have on its way, or the sender's own queue is measured; not at once, which would overflow the
      // kernel's queue of new ones.
      connections: Math.max(500, Math.ceil(2 * capacity * (deadlineMs / 1000))),
      pictures: images,
      phases: [{ seconds: WARM_SECONDS + seconds, perSecond: times * capacity }],
    });
    const memoryMb = memory.found();
    const outcome = outcomeOf(sent, WARM_SECONDS * 1000, seconds * 1000);
    const goodput_ratio = Number((outcome.goodput / capacity).toFixed(3));
    const report = {
      bench: 'overload',
      machine: where,
      ...target,
      times,
      seconds,
      deadline_ms: deadlineMs,
      capacity: Number(capacity.toFixed(1)),
      outcome,
      goodput_ratio,
      memory_mb: memoryMb,
    };
    const json = `${JSON.stringify(report, undefined, 2)}\n`;
    const file = await keepResult('overload', where.date, json);
    process.stdout.write(values.json ? json : `${shown(report, outcome)}\n`);
    process.stderr.write(`written to ${file}\n`);
    return 0;
  } finally {
    await gateway.stop();
  }
}

/** Of full lanes, closed-loop. */
async function capacityOf(
  gateway: GatewayProcess,
  images: readonly Uint8Array[],
  { cascade, policy }: { cascade: string; policy: string },
): Promise<number> {
  using load = new Child<LoadRequest, LoadAnswer>('./load.ts');
  const saturation = new Saturation(load, images, cascade);
  await saturation.run(gateway, policy, CONNECTIONS, CAPACITY_SECONDS / 3);
  return (await saturation.run(gateway, policy, CONNECTIONS, CAPACITY_SECONDS)).imagesPerSecond;
}

interface MemoryMb {
  /** Median of the first and of the last quarter of the run. */
  readonly first: number;
  readonly last: number;
  readonly most: number;
}

/** Memory of the gateway and its lanes, what they share counted once, once a second. */
class MemoryWatch {
  readonly #pids: readonly number[];
  readonly #samples: number[] = [];
  readonly #timer: NodeJS.Timeout;

  constructor(pids: readonly number[]) {
    this.#pids = pids;
    this.#timer = setInterval(() => this.#look(), 1000);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  found(): MemoryMb {
    this.#look();
    const quarter = Math.max(1, Math.floor(this.#samples.length / 4));
    const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
    const [first, last] = [this.#samples.slice(0, quarter), this.#samples.slice(-quarter)].map(median) as [
      number,
      number,
    ];
    return { first, last, most: Math.max(...this.#samples) };
  }

  #look(): void {
    this.#samples.push(Math.round(usageOf(this.#pids).memoryMb));
  }
}

function shown(
  report: { capacity: number; times: number; goodput_ratio: number; deadline_ms: number; memory_mb: MemoryMb },
  outcome: Outcome,
): string {
  const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
  const { first, last, most } = report.memory_mb;
  return table(
    [
      'load',
      'goodput',
      'of capacity',
      'refused',
      'late',
      'p50 ms',
      'p99 ms',
      'in the gateway',
      'deadline',
      'memory MB first / last / most',
    ],
    [
      [
        `${report.times} x ${report.capacity}/s`,
        `${outcome.goodput}/s`,
        percent(report.goodput_ratio),
        percent(outcome.refused),
        percent(outcome.late),
        outcome.p50_ms.toFixed(0),
        outcome.p99_ms.toFixed(0),
        outcome.gateway_p99_ms.toFixed(0),
        `${report.deadline_ms} ms`,
        `${first} / ${last} / ${most}`,
      ],
    ],
  );
}
