/**
 * The figures of the console, out of the Prometheus registry: one set of counters for both. Not /metrics itself, which may be on
 * another address, where a page from here cannot read it, and which the console would have to parse, ten times as long.
 */

import type { Registry } from 'prom-client';
import type { Cascade } from '../cascade/cascade.js';
import { versionOf } from '../cascade/version.js';
import type { Gateway } from '../gateway/gateway.js';
import { isSteered, nameOf } from '../gateway/steering.js';
import { version } from '../version.js';
import type { ShownReload } from './catalogue.js';
import { contentTag } from './content-tag.js';
import { PROBLEMS } from './problem.js';
import type { CascadeFigures, ExitFigures, ServiceFigures, Snapshot } from './snapshot.js';

/** One series of a metric. */
interface Sample {
  readonly value: number;
  readonly labels: Readonly<Record<string, string | number | undefined>>;
  readonly metricName?: string;
}

const STARTED_MS = Math.round(performance.timeOrigin);

const GONE = String(PROBLEMS.client_gone.status);

export interface SnapshotSources {
  /** Undefined: nothing is counted. */
  readonly registry: Registry | undefined;
  readonly lastReload: ShownReload | undefined;
  /** Another text for other files of the page. */
  readonly page: string;
}

export async function snapshotOf(
  gateway: Gateway,
  { registry, lastReload, page }: SnapshotSources,
  atMs = Date.now(),
): Promise<Snapshot> {
  const read = (name: string) => samplesOf(registry, name);
  const [requests, macs, fullMacs, seconds, exits, versions] = await Promise.all([
    read('sluice_requests_total'),
    read('sluice_macs_total'),
    read('sluice_full_macs_total'),
    read('sluice_request_duration_seconds'),
    read('sluice_exits_total'),
    Promise.all(gateway.cascades.map(namedVersion)),
  ]);
  const answered = requests.filter(({ labels }) => labels.code === '200');
  const refused = requests.filter(({ labels }) => labels.code !== '200' && labels.code !== GONE);
  const refusedOf = (cascade: string) => sum(refused.filter(({ labels }) => labels.cascade === cascade));
  const served = versions.map((each): CascadeFigures => ({ ...each, refused: refusedOf(each.name) }));
  return {
    started_ms: STARTED_MS,
    version,
    page,
    at_ms: atMs,
    counts: registry !== undefined,
    lanes: gateway.laneCounts,
    catalogue: catalogueOf(gateway, versions, lastReload),
    cascades: served,
    serving: gateway.serving
      .filter(({ service }) => isSteered(service))
      .map(({ service, point }) => ({
        cascade: service.cascade,
        policy: service.policy,
        point: nameOf(service, point),
      })),
    queued: gateway.queued,
    refused: refusedOf(''),
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

/** Nothing that differs between two gateways which serve the same: a page may be answered by both in turn. */
function catalogueOf(
  { cascades, policies, defaultCascade, defaultPolicy }: Gateway,
  versions: readonly { readonly name: string; readonly version: string }[],
  reload: ShownReload | undefined,
): string {
  const parts = [
    versions,
    cascades.map(({ description, rungs }) => [description, rungs.map(({ id }) => id)]),
    policies.map(({ name, version: content }) => [name, content]),
    [defaultCascade, defaultPolicy],
    reload?.result === 'rejected' ? reload.errors.map(({ file, key, reason }) => [file, key, reason]) : [],
  ];
  return contentTag(JSON.stringify(parts));
}

/** Figures are there also while a file of the models is not. */
async function namedVersion(cascade: Cascade): Promise<{ readonly name: string; readonly version: string }> {
  return { name: cascade.name, version: await versionOf(cascade).catch(() => '') };
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
