/** What happened between two looks at the gateway's sums. Pure. */

import type { ExitFigures, ServiceFigures, Snapshot } from '../http/snapshot.js';

export interface Interval {
  /** Its end, milliseconds since the epoch. */
  readonly atMs: number;
  /** Undefined in a gap: nobody looked, or there was no gateway. */
  readonly answersPerSecond?: number;
  readonly refusalsPerSecond?: number;
  /** 1 - MACs spent / MACs of the full network; undefined without answers, as all that follows. */
  readonly saving?: number;
  readonly times?: Times;
  /** Share of the answers by exit, keyed by {@link exitKey}. */
  readonly exits: Readonly<Record<string, number>>;
}

/** Out of buckets: as exact as these are. Milliseconds. */
export interface Times {
  readonly p50Ms: number;
  readonly p95Ms: number;
  /** No bucket has a higher bound: what took longer is known as that only. */
  readonly longestMs: number;
}

export interface Totals {
  readonly answers: number;
  readonly macs: number;
  readonly fullMacs: number;
  readonly latency: ServiceFigures['latency'];
  readonly exits: Readonly<Record<string, number>>;
}

export function exitKey({ backbone, width, resolution, exit }: Omit<ExitFigures, 'answers'>): string {
  return `${backbone}/${width}@${resolution} exit ${exit}`;
}

/** All policies of a cascade together. */
export function totalsOf({ services }: Snapshot, cascade: string): Totals {
  const mine = services.filter((service) => service.cascade === cascade);
  const sum = (pick: (service: ServiceFigures) => number) => mine.reduce((total, each) => total + pick(each), 0);
  const exits: Record<string, number> = {};
  for (const figures of mine.flatMap((service) => service.exits)) {
    const key = exitKey(figures);
    exits[key] = (exits[key] ?? 0) + figures.answers;
  }
  return {
    answers: sum(({ answered }) => answered),
    macs: sum((service) => service.macs),
    fullMacs: sum((service) => service.full_macs),
    latency: (mine[0]?.latency ?? []).map(({ ms }, at) => ({
      ms,
      answers: sum(({ latency }) => latency[at]?.answers ?? 0),
    })),
    exits,
  };
}

/** Undefined when the later one is of another start: its sums began anew. */
export function between(before: Snapshot, after: Snapshot, cascade: string): Interval | undefined {
  const seconds = (after.at_ms - before.at_ms) / 1000;
  if (before.started_ms !== after.started_ms || seconds <= 0) return undefined;
  const [from, to] = [totalsOf(before, cascade), totalsOf(after, cascade)];
  const answers = to.answers - from.answers;
  const shared = {
    atMs: after.at_ms,
    answersPerSecond: answers / seconds,
    refusalsPerSecond: (refusedOf(after, cascade) - refusedOf(before, cascade)) / seconds,
  };
  if (answers <= 0) return { ...shared, exits: {} };
  const latency = to.latency.map(({ ms, answers: sofar }, at) => ({
    ms,
    answers: sofar - (from.latency[at]?.answers ?? 0),
  }));
  const shares = Object.entries(to.exits).map(([key, sofar]) => [key, (sofar - (from.exits[key] ?? 0)) / answers]);
  return {
    ...shared,
    ...savingOf(to.macs - from.macs, to.fullMacs - from.fullMacs),
    ...timesOf(latency),
    exits: Object.fromEntries(shares),
  };
}

function savingOf(macs: number, fullMacs: number): { saving?: number } {
  return fullMacs > 0 ? { saving: 1 - macs / fullMacs } : {};
}

function refusedOf({ cascades }: Snapshot, cascade: string): number {
  return cascades.find(({ name }) => name === cascade)?.refused ?? 0;
}

function timesOf(latency: ServiceFigures['latency']): { times?: Times } {
  const [p50Ms, p95Ms] = [quantile(latency, 0.5), quantile(latency, 0.95)];
  const longestMs = latency.findLast(({ ms }) => ms !== null)?.ms ?? 0;
  return p50Ms === undefined || p95Ms === undefined ? {} : { times: { p50Ms, p95Ms, longestMs } };
}

/** As Prometheus' histogram_quantile: evenly within a bucket; the last bound for what lies beyond it. Milliseconds. */
export function quantile(latency: ServiceFigures['latency'], share: number): number | undefined {
  const all = latency.at(-1)?.answers ?? 0;
  if (all === 0) return undefined;
  const rank = share * all;
  const at = latency.findIndex(({ answers }) => answers >= rank);
  const [below, here] = [latency[at - 1] ?? { ms: 0, answers: 0 }, latency[at]!];
  if (here.ms === null) return below.ms ?? undefined;
  const within = here.answers - below.answers;
  return below.ms! + (here.ms - below.ms!) * (within === 0 ? 1 : (rank - below.answers) / within);
}
