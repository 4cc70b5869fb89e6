/** Flags of `sluice serve` about metrics, and what they start. */

import { type Command, Option } from 'commander';
import type { Gateway } from '../gateway/gateway.js';
import { createMetricsApp } from '../http/metrics-app.js';
import { HttpServer, type ServerOptions } from '../http/server.js';
import { Rapl } from '../telemetry/energy.js';
import { WATTS_PER_CORE } from '../telemetry/energy-metrics.js';
import type { Logger } from '../telemetry/log.js';
import { Metrics } from '../telemetry/metrics.js';
import { decimal, whole, yesOrNo } from './options.js';

export interface MetricsFlags {
  host: string;
  metrics: boolean;
  metricsHost?: string;
  metricsPort?: number;
  wattsPerCore: number;
}

export function withMetrics(command: Command): Command {
  return command
    .addOption(
      new Option('--metrics [yes]', 'count, and answer /metrics')
        .env('SLUICE_METRICS')
        .default(true, 'yes')
        .argParser(yesOrNo),
    )
    .addOption(new Option('--no-metrics', 'neither count nor answer /metrics'))
    .addOption(
      new Option('--metrics-port <n>', 'port that answers /metrics in place of --port; 0: any')
        .env('SLUICE_METRICS_PORT')
        .default(undefined, 'that of --port')
        .argParser(whole(0, 65535)),
    )
    .addOption(
      new Option('--metrics-host <address>', 'address of --metrics-port')
        .env('SLUICE_METRICS_HOST')
        .default(undefined, 'that of --host'),
    )
    .addOption(
      new Option(
        '--watts-per-core <w>',
        'of one busy core: for the estimate of energy where the processor does not tell',
      )
        .env('SLUICE_WATTS_PER_CORE')
        .default(WATTS_PER_CORE)
        .argParser(decimal({ least: 0, most: 1000 })),
    );
}

export async function openMetrics({ metrics, wattsPerCore }: MetricsFlags): Promise<Metrics | undefined> {
  return metrics ? new Metrics({ rapl: await Rapl.open(), wattsPerCore }) : undefined;
}

/**
 * Undefined where /metrics has no port of its own.
 * @param more limits of its connections, TLS
 */
export function metricsServer(
  metrics: Metrics | undefined,
  gateway: Gateway,
  log: Logger,
  flags: MetricsFlags,
  more: Pick<ServerOptions, 'limits' | 'tls'>,
): HttpServer | undefined {
  const { metricsPort: port, metricsHost: host = flags.host } = flags;
  if (metrics === undefined || port === undefined) return undefined;
  return new HttpServer(createMetricsApp(metrics, gateway, log), { host, port, ...more });
}
