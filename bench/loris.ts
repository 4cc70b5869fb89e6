/**
 * What slow-loris connections do to everybody else: normal callers with and without a thousand connections that never finish a head, in
 * alternating rounds of the same run.
 */

import { parseArgs } from 'node:util';
import { Child } from './support/child.js';
import { GatewayProcess, ROOT } from './support/gateway.js';
import type { LorisAnswer, LorisRequest } from './support/loris.js';
import type { OpenLoadRequest, Sent } from './support/open-load.js';
import { pictures } from './support/pictures.js';
import { show, spread, table } from './support/stats.js';

/** Largest ratio of normal callers' p95 with them to that without. */
const TARGET = 1.25;

export const usage = `Usage: npm run bench -- loris [options]

  --connections <n>       that never finish a head (1000)
  --max-connections <n>   of the gateway (4096); below the number above they have to make room
  --per-second <n>        normal requests, each on a connection of its own when others are busy (40)
  --seconds <n>           of each measurement (10)
  --rounds <n>            (5)

Fails (exit code 1) on any answer to a normal caller but 200, or when their p95 with the others is more than ${TARGET} times that without (median
of the rounds).
`;

interface Measured {
  readonly failed: number;
  readonly p95: number;
}

interface Round {
  readonly without: Measured;
  readonly withThem: Measured;
  readonly opened: number;
  /** Cut off by the gateway while normal callers were measured. */
  readonly closed: number;
}

export async function run(args: readonly string[]): Promise<number> {
  const text = (standard: string) => ({ type: 'string', default: standard }) as const;
  const { values } = parseArgs({
    args: [...args],
    options: {
      connections: text('1000'),
      'max-connections': text('4096'),
      'per-second': text('40'),
      seconds: text('10'),
      rounds: text('5'),
    },
  });
  const number = (name: keyof typeof values) => {
    const value = Number(values[name]);
    if (!(value > 0)) throw new RangeError(`--${name}: allowed are numbers above 0`);
    return value;
  };
  using load = new Child<OpenLoadRequest, readonly Sent[]>('./open-load.ts');
  using loris = new Child<LorisRequest, LorisAnswer>('./loris.ts');
  const gateway = await GatewayProcess.start(ROOT, [
    ...['--lanes', '2', '--no-watch', '--max-connections', String(number('max-connections'))],
  ]);
  try {
    const where = { host: '127.0.0.1', port: gateway.port };
    const path = '/v1/classify?cascade=cifar10&policy=fast';
    const images = await pictures(64, 32);
    const phases = [{ seconds: number('seconds'), perSecond: number('per-second') }];
    const measure = async (): Promise<Measured> => {
      const sent = await load.ask({ ...where, path, pictures: images, phases });
      const ms = sent.map((each) => each.ms).sort((a, b) => a - b);
      return {
        failed: sent.filter(({ status }) => status !== 200).length,
        p95: ms[Math.floor(0.95 * (ms.length - 1))]!,
      };
    };
    await measure();
    const rounds: Round[] = [];
    for (let round = 0; round < number('rounds'); round++) {
      const without = await measure();
      const before = await loris.ask({ ...where, connections: number('connections') });
      const withThem = await measure();
      const after = await loris.ask({ ...where, connections: 0 });
      rounds.push({ without, withThem, opened: before.opened, closed: after.closedByServer - before.closedByServer });
    }
    const p95 = (which: 'without' | 'withThem') => spread(rounds.map((round) => round[which].p95));
    const ratio = spread(rounds.map(({ without, withThem }) => withThem.p95 / without.p95));
    const failed = rounds.reduce((sum, { without, withThem }) => sum + without.failed + withThem.failed, 0);
    const cut = rounds.reduce((sum, { closed }) => sum + closed, 0);
    process.stdout.write(
      `${table(
        ['normal callers', 'p95 ms: median (least-most)'],
        [
          ['alone', show(p95('without'), 1)],
          [`beside ${rounds[0]!.opened} slow-loris connections`, show(p95('withThem'), 1)],
          ['ratio', show(ratio, 2)],
        ],
      )}\n${failed} of the normal requests failed; the gateway cut off ${cut} of the others meanwhile\n`,
    );
    return failed === 0 && ratio.median <= TARGET ? 0 : 1;
  } finally {
    await gateway.stop();
  }
}
