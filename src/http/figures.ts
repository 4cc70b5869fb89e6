/**
 * The figures of the console, out of the Prometheus registry: one set of counters for both. Not /metrics itself, which may be on
 * another address, where a page from here cannot read it, and which the console would have to parse, ten times as long.
 */

import type { Registry } from 'prom-client';
import type { Gateway } from '../gateway/gateway.js';
import { contentTag } from './content-tag.js';
import type { ExitFigures, ServiceFigures, Snapshot } from './snapshot.js';

/** One series of a metric. */
interface Sample {
  readonly value: number;
  readonly labels: Readonly<Record<string, string | number | undefined>>;
  readonly metricName?: string;
}

const STARTED_MS = Math.round(performance.timeOrigin);

/**
 * @param registry undefined: nothing is counted
 * @param reloadedAt when there was a reload
 */
export async function snapshotOf(
  gateway: Gateway,
  registry: Registry | undefined,
  reloadedAt: Date | undefined,
  atMs = Date.now(),
): Promise<Snapshot> {
  const read = (name: string) => samplesOf(registry, name);
  const [requests, macs, fullMacs, seconds, exits] = await Promise.all([
    read('sluice_requests_total'),
    read('sluice_macs_total'),
    read('sluice_full_macs_total'),
    read('sluice_request_duration_seconds'),
    read('sluice_exits_total'),
  ]);
  const answered = requests.filter(({ labels }) => labels.code === '200');
  return {
    started_ms: STARTED_MS,
    at_ms: atMs,
    counts: registry !== undefined,
    lanes: gateway.laneCounts,
    catalogue: catalogueOf(gateway, reloadedAt),
    queued: gateway.queued,
    refused: sum(requests) - sum(answered),
    services: answered.map(({ labels, value }): ServiceFigures => {
      const mine = (samples: readonly Sample[]) =>
        samples.filter((each) => each.labels.cascade === labels.cascade && each.labels.policy === labels.policy);
      return {
        cascade: String(labels.cascade),
        policy: String(labels.policy),
        answered: value,
        macs: sum(mine(macs)),
        full_macs: sum(mine(fullMacs)),
        latency: mine(seconds)
          .filter(({ metricName }) => metricName === 'sluice_request_duration_seconds_bucket')
          .map((bucket) => ({ ms: msOf(bucket), answers: bucket.value })),
        exits: byExit(mine(exits)),
      };
    }),
  };
}

function catalogueOf({ cascades, policies, serving }: Gateway, reloadedAt: Date | undefined): string {
  const parts = [
    cascades.map(({ name, rungs }) => [name, rungs.map(({ id }) => id)]),
    policies.map(({ name, version }) => [name, version]),
    serving.map(({ service, point }) => [service.cascade, service.policy, point]),
    reloadedAt?.getTime(),
  ];
  return contentTag(JSON.stringify(parts));
}

/** Without a metric of that name there is nothing to show. */
async function samplesOf(registry: Registry | undefined, name: string): Promise<readonly Sample[]> {
  return (await registry?.getSingleMetric(name)?.get())?.values ?? [];
}

function msOf({ labels }: Sample): number | null {
  const seconds = Number(labels.le);
  return Number.isFinite(seconds) ? Number((seconds * 1000).toPrecision(12)) : null;
}

/** The reasons of one exit are one row. */
function byExit(samples: readonly Sample[]): readonly ExitFigures[] {
  const rows = new Map<string, ExitFigures>();
  for (const { value, labels } of samples) {
    const { backbone, width, resolution, exit } = labels;
    const key = [backbone, width, resolution, exit].join(' ');
    const answers = (rows.get(key)?.answers ?? 0) + value;
    const place = { backbone: String(backbone), width: Number(width), resolution: Number(resolution) };
    rows.set(key, { ...place, exit: Number(exit), answers });
  }
  return [...rows.values()];
}

function sum(samples: readonly Sample[]): number {
  return samples.reduce((total, { value }) => total + value, 0);
}
