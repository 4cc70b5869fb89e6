/** What the benchmark is to show, held against what it found. Pure. */

import type { OpenRow, Row } from './proof-report.js';
import { spread } from './stats.js';

export interface Target {
  readonly what: string;
  /** undefined: not measured in this run. */
  readonly value?: number;
  readonly least?: number;
  readonly most?: number;
  readonly met?: boolean;
  /** Whom it was compared with, or why it was not measured. */
  readonly note?: string;
}

/** Points of top-1 that still count as the same accuracy. */
const SAME_POINTS = 0.5;

/** @param rates images a second in each round, by name */
export function targets(
  rows: readonly Row[],
  rates: ReadonlyMap<string, readonly number[]>,
  open: readonly OpenRow[],
  overheadMs: number,
): Target[] {
  const row = (name: string) => rows.find((each) => each.name === name);
  const [full, balanced] = [row('sluice full'), row('sluice balanced')];
  const peers = rows.filter(({ kind }) => kind === 'peer');
  const fastest = peers.toSorted((a, b) => b.images_per_second.median - a.images_per_second.median)[0];
  const thriftiest = peers.toSorted((a, b) => a.cpu_seconds_per_1000.median - b.cpu_seconds_per_1000.median)[0];
  const times = (a: Row, b: Row) =>
    spread(rates.get(a.name)!.map((rate, round) => rate / rates.get(b.name)![round]!)).median;
  const at70 = open.find(({ policy, load }) => policy === 'balanced' && load === 0.7);
  const both = <T>(a: Row | undefined, b: Row | undefined, of: (a: Row, b: Row) => T): T | undefined =>
    a === undefined || b === undefined ? undefined : of(a, b);
  return [
    judged('full: share of the images/s of the limit', full?.of_limit.median, { least: 0.9 }),
    judged('balanced: times the images/s of full', balanced?.of_full.median, { least: 1.8 }),
    judged(
      'balanced: times the images/s of the best peer',
      both(balanced, fastest, times),
      { least: 2 },
      fastest?.name,
    ),
    judged(
      'balanced: points of top-1 below that peer',
      both(balanced, fastest, pointsBelow),
      { most: SAME_POINTS },
      fastest?.name,
    ),
    judged(
      'balanced: CPU seconds of an image, as a share of those of the thriftiest peer',
      both(balanced, thriftiest, (a, b) => a.cpu_seconds_per_1000.median / b.cpu_seconds_per_1000.median),
      { most: 0.5 },
      thriftiest?.name,
    ),
    judged('balanced at 70 % load: p99 / p50', at70?.p99_by_p50.median, { most: 4 }),
    judged('full, one request at a time: ms of p50 over bare decode + stages', overheadMs, { most: 1.5 }),
  ];
}

/** Of the larger set of labelled pictures, where there is one. */
function pointsBelow(a: Row, b: Row): number | undefined {
  const [mine, theirs] = [a.labelled_top1 ?? a.top1, b.labelled_top1 ?? b.top1];
  return mine === undefined || theirs === undefined ? undefined : 100 * (theirs - mine);
}

function judged(
  what: string,
  value: number | undefined,
  bound: { readonly least: number } | { readonly most: number },
  note?: string,
): Target {
  if (value === undefined || Number.isNaN(value)) return { what, ...bound, note: 'not measured in this run' };
  const met = 'least' in bound ? value >= bound.least : value <= bound.most;
  return { what, value, ...bound, met, ...(note === undefined ? {} : { note }) };
}
