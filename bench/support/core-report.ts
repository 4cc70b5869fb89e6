/** What `bench core` prints and writes. */

import type { Saturated } from './saturation.js';
import { type Spread, show, spread, table } from './stats.js';

export const TARGET_RATIO = 0.75;
export const TARGET_DELAY_MS = 20;

/** Both bare loops together. */
export interface Bare {
  readonly imagesPerSecond: number;
  /** CPU milliseconds a picture. */
  readonly cpu: number;
}

export interface CoreRounds {
  readonly where: object;
  readonly cascade: string;
  readonly rung: string;
  /** Of the gateway's stages on the full route. */
  readonly stageBatches: readonly number[];
  /** Of the bare loops. */
  readonly limitBatch: number;
  readonly connections: number;
  readonly seconds: number;
  /** A round each. */
  readonly limit: readonly Bare[];
  readonly limitBatch1: readonly Bare[];
  /** By gateway and policy. */
  readonly gateway: ReadonlyMap<string, readonly Saturated[]>;
}

export function coreReport(rounds: CoreRounds) {
  const limit = spread(rounds.limit.map((run) => run.imagesPerSecond));
  const gateways = Object.fromEntries([...rounds.gateway].map(([key, runs]) => [key, summary(runs, limit)]));
  const full = gateways['sluice full']!;
  const { where, cascade, rung, stageBatches, limitBatch, connections, seconds } = rounds;
  return {
    bench: 'core',
    machine: where,
    cascade,
    rung,
    seconds,
    rounds: rounds.limit.length,
    connections,
    stage_batches: stageBatches,
    limit: {
      batch: limitBatch,
      images_per_second: limit,
      cpu_ms_per_image: spread(rounds.limit.map((run) => run.cpu)),
      batch_1_images_per_second: spread(rounds.limitBatch1.map((run) => run.imagesPerSecond)),
    },
    gateways,
    targets: {
      ratio: { value: full.ratio, least: TARGET_RATIO, met: full.ratio >= TARGET_RATIO },
      loop_delay_p99_ms: {
        value: full.loop_delay_p99_ms.median,
        below: TARGET_DELAY_MS,
        met: full.loop_delay_p99_ms.median < TARGET_DELAY_MS,
      },
    },
  };
}

export type CoreReport = ReturnType<typeof coreReport>;

function summary(runs: readonly Saturated[], limit: Spread) {
  const of = (value: (run: Saturated) => number) => spread(runs.map(value));
  const rate = of((run) => run.imagesPerSecond);
  return {
    images_per_second: rate,
    ratio: rate.median / limit.median,
    p50_ms: of((run) => run.p50),
    p99_ms: of((run) => run.p99),
    loop_delay_p99_ms: of((run) => run.loopDelay.p99),
    loop_delay_max_ms: of((run) => run.loopDelay.max),
    cost_ratio: of((run) => run.costRatio),
    mean_batch: of((run) => run.meanBatch),
    cpu_ms_per_image: {
      all: of((run) => run.cpu.gateway + run.cpu.lanes + run.cpu.generator),
      gateway: of((run) => run.cpu.gateway),
      lanes: of((run) => run.cpu.lanes),
      generator: of((run) => run.cpu.generator),
    },
    run_ms_per_image: of((run) => run.runs),
  };
}

export function coreText(report: CoreReport): string {
  const { limit, gateways, targets } = report;
  const rows = Object.entries(gateways);
  const rates = table(
    ['median (min-max)', 'images/s', 'of the limit', 'p50 ms', 'p99 ms', 'loop delay p99 ms', 'cost ratio'],
    [
      [`limit, batch ${limit.batch}`, show(limit.images_per_second), '1', '', '', '', ''],
      [
        'limit, batch 1',
        show(limit.batch_1_images_per_second),
        (limit.batch_1_images_per_second.median / limit.images_per_second.median).toFixed(2),
        '',
        '',
        '',
        '',
      ],
      ...rows.map(([name, row]) => [
        name,
        show(row.images_per_second),
        row.ratio.toFixed(2),
        show(row.p50_ms),
        show(row.p99_ms),
        show(row.loop_delay_p99_ms, 1),
        row.cost_ratio.median.toFixed(3),
      ]),
    ],
  );
  const costs = table(
    ['CPU ms an image', 'all', 'gateway', 'lanes', 'generator', 'in runs (wall)', 'pictures a run'],
    [
      ['limit', show(limit.cpu_ms_per_image, 3), '', '', '', '', String(limit.batch)],
      ...rows.map(([name, row]) => [
        name,
        show(row.cpu_ms_per_image.all, 3),
        show(row.cpu_ms_per_image.gateway, 3),
        show(row.cpu_ms_per_image.lanes, 3),
        show(row.cpu_ms_per_image.generator, 3),
        show(row.run_ms_per_image, 3),
        show(row.mean_batch, 1),
      ]),
    ],
  );
  const verdict = [
    `${mark(targets.ratio.met)} ratio ${targets.ratio.value.toFixed(3)} (at least ${targets.ratio.least})`,
    `${mark(targets.loop_delay_p99_ms.met)} event-loop delay p99 ${targets.loop_delay_p99_ms.value.toFixed(1)} ms (below ${targets.loop_delay_p99_ms.below})`,
  ];
  return `${rates}\n\n${costs}\n\n${verdict.join('\n')}\n`;
}

const mark = (met: boolean) => (met ? 'met:   ' : 'MISSED:');
