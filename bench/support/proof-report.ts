/** From what was measured to what is told: medians, ratios round by round, and the targets. Pure. */

import type { Contestant } from './contestant.js';
import type { OpenRuns } from './proof-open.js';
import type { OverheadRuns } from './proof-overhead.js';
import type { Rounds } from './proof-rounds.js';
import { type Target, targets } from './proof-targets.js';
import { type Spread, spread } from './stats.js';

export interface Row {
  readonly name: string;
  readonly kind: Contestant['kind'];
  readonly about: string;
  readonly versions: Readonly<Record<string, string>>;
  /** What was best for it. */
  readonly setting: string;
  readonly images_per_second: Spread;
  readonly of_limit: Spread;
  readonly of_full: Spread;
  readonly p50_ms?: Spread;
  readonly p95_ms?: Spread;
  readonly p99_ms?: Spread;
  readonly cpu_seconds_per_1000: Spread;
  readonly memory_mb: number;
  /** Share; undefined without labels. */
  readonly top1?: number;
  /** Share of the pictures that were asked once for this alone; undefined without them. */
  readonly labelled_top1?: number;
  /** Share of the pictures with the same class as Sluice's policy full. */
  readonly agreement: number;
  readonly failed: number;
  readonly failure?: string;
}

export interface OpenRow {
  readonly policy: string;
  readonly load: number;
  readonly offered_per_second: number;
  readonly answered_per_second: Spread;
  readonly p50_ms: Spread;
  readonly p95_ms: Spread;
  readonly p99_ms: Spread;
  readonly p99_by_p50: Spread;
  /** Requests without an answer of status 200. */
  readonly failed: number;
}

export interface Evidence {
  readonly where: object;
  readonly cascade: string;
  readonly rung: string;
  readonly pictures: { readonly count: number; readonly from: string };
  readonly labels: readonly (number | undefined)[];
  readonly rounds: number;
  readonly seconds: number;
  readonly measured: Rounds;
  readonly top1: ReadonlyMap<Contestant, readonly number[]>;
  /** What was answered of pictures that were asked once for their labels. */
  readonly labelled?: {
    readonly labels: readonly (number | undefined)[];
    readonly top1: ReadonlyMap<Contestant, readonly number[]>;
  };
  /** Cores that a contestant takes without work, those that are stopped meanwhile left out. */
  readonly idleCores: Readonly<Record<string, number>>;
  readonly leftOut: readonly { readonly name: string; readonly reason: string }[];
  readonly open: readonly OpenRuns[];
  readonly overhead: OverheadRuns;
}

export interface ProofReport {
  readonly bench: 'proof';
  readonly machine: object;
  readonly cascade: string;
  readonly rung: string;
  readonly pictures: Evidence['pictures'];
  readonly labelled_pictures?: number;
  readonly rounds: number;
  readonly seconds: number;
  readonly contestants: readonly Row[];
  readonly left_out: Evidence['leftOut'];
  readonly idle_cores: Evidence['idleCores'];
  readonly open_loop: readonly OpenRow[];
  readonly overhead: { readonly bare_p50_ms: Spread; readonly sluice_p50_ms: Spread; readonly overhead_ms: Spread };
  readonly targets: readonly Target[];
  /** Answers that were none or wrong, each said in a sentence; empty: all is well. */
  readonly wrong: readonly string[];
}

/** Below this a contestant serves something else: sorts of decode differ in a few pictures of a hundred. */
const SAME_NETWORK = 0.5;
/** The bare loops have the decode and the stages of the policy full. */
const SAME_ANSWERS = 0.99;

export function proofReport(evidence: Evidence): ProofReport {
  const contestants = rowsOf(evidence);
  const open_loop = evidence.open.map(openRow);
  const { bareP50, sluiceP50 } = evidence.overhead;
  const overhead = {
    bare_p50_ms: spread(bareP50),
    sluice_p50_ms: spread(sluiceP50),
    overhead_ms: spread(sluiceP50.map((ms, round) => ms - bareP50[round]!)),
  };
  const lost = [...evidence.measured.lost].map(([{ name }, reason]) => ({ name, reason }));
  const { where, cascade, rung, pictures, rounds, seconds, idleCores } = evidence;
  return {
    bench: 'proof',
    machine: where,
    cascade,
    rung,
    pictures,
    ...(evidence.labelled === undefined ? {} : { labelled_pictures: evidence.labelled.labels.length }),
    rounds,
    seconds,
    contestants,
    left_out: [...evidence.leftOut, ...lost],
    idle_cores: idleCores,
    open_loop,
    overhead,
    targets: targets(contestants, roundRates(evidence), open_loop, overhead.overhead_ms.median),
    wrong: wrongs(contestants, open_loop, lost),
  };
}

function rowsOf(evidence: Evidence): Row[] {
  const { runs, settings } = evidence.measured;
  const rates = roundRates(evidence);
  const byName = (name: string) => [...runs.keys()].find((each) => each.name === name)!;
  const full = evidence.top1.get(byName('sluice full'))!;
  return [...runs].map(([contestant, each]) => {
    const { name, kind, about, versions } = contestant;
    const top1 = evidence.top1.get(contestant)!;
    const more = evidence.labelled;
    const moreTop1 = more?.top1.get(contestant);
    const to = (other: string) => spread(rates.get(name)!.map((rate, round) => rate / rates.get(other)![round]!));
    const millis = (key: 'p50' | 'p95' | 'p99') => {
      const values = each.flatMap((run) => run[key] ?? []);
      return values.length === 0 ? {} : { [`${key}_ms`]: spread(values) };
    };
    const failure = each.find((run) => run.failure !== undefined)?.failure;
    const labelled = evidence.labels.every((label) => label !== undefined);
    return {
      name,
      kind,
      about,
      versions,
      setting: settings.get(contestant)!.label,
      images_per_second: spread(rates.get(name)!),
      of_limit: to('limit'),
      of_full: to('sluice full'),
      ...millis('p50'),
      ...millis('p95'),
      ...millis('p99'),
      cpu_seconds_per_1000: spread(each.map((run) => run.cpuSecondsPer1000)),
      memory_mb: Math.max(...each.map((run) => run.memoryMb)),
      ...(labelled ? { top1: same(top1, evidence.labels) } : {}),
      ...(more === undefined ? {} : { labelled_top1: same(moreTop1!, more.labels) }),
      agreement: same(top1, full),
      failed: sum(each, ({ failed }) => failed) + [...top1, ...(moreTop1 ?? [])].filter((index) => index < 0).length,
      ...(failure === undefined ? {} : { failure }),
    };
  });
}

/** Images a second in each round, by name. */
function roundRates({ measured }: Evidence): Map<string, readonly number[]> {
  return new Map(
    [...measured.runs].map(([{ name }, runs]) => [name, runs.map(({ imagesPerSecond }) => imagesPerSecond)]),
  );
}

function openRow({ policy, load, perSecond, outcomes }: OpenRuns): OpenRow {
  return {
    policy,
    load,
    offered_per_second: perSecond,
    answered_per_second: spread(outcomes.map(({ goodput }) => goodput)),
    p50_ms: spread(outcomes.map(({ p50_ms }) => p50_ms)),
    p95_ms: spread(outcomes.map(({ p95_ms }) => p95_ms)),
    p99_ms: spread(outcomes.map(({ p99_ms }) => p99_ms)),
    p99_by_p50: spread(outcomes.map(({ p50_ms, p99_ms }) => p99_ms / p50_ms)),
    failed: sum(outcomes, ({ failed }) => failed),
  };
}

function wrongs(rows: readonly Row[], open: readonly OpenRow[], lost: ProofReport['left_out']): string[] {
  const limit = rows.find(({ kind }) => kind === 'limit');
  return [
    ...rows.flatMap(({ name, failed, failure = 'no index' }) =>
      failed > 0 ? [`${name}: ${failed} answers were none (${failure})`] : [],
    ),
    ...open.flatMap(({ policy, load, failed }) =>
      failed > 0 ? [`sluice ${policy} at ${100 * load} % load: ${failed} requests were not answered`] : [],
    ),
    ...rows.flatMap(({ name, agreement }) =>
      agreement < SAME_NETWORK ? [`${name}: the same class as Sluice in ${(100 * agreement).toFixed(1)} % only`] : [],
    ),
    ...(limit !== undefined && limit.agreement < SAME_ANSWERS
      ? [`sluice full: other classes than the same stages bare, in ${(100 * (1 - limit.agreement)).toFixed(1)} %`]
      : []),
    ...lost.map(({ name, reason }) => `${name}: ${reason}`),
  ];
}

function same(a: readonly number[], b: readonly (number | undefined)[]): number {
  return a.filter((value, at) => value === b[at]).length / a.length;
}

function sum<T>(values: readonly T[], of: (value: T) => number): number {
  return values.reduce((total, each) => total + of(each), 0);
}
