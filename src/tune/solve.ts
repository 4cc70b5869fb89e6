/** From a record and a wish to the operating points of a policy. */

import { type FittedEntry, fitEntry } from './entry.js';
import { type Guarantee, safePoints, safestFirst } from './guarantee.js';
import { ladder } from './ladder.js';
import {
  byCost,
  cutAt,
  frontier,
  fullPoint,
  isWithin,
  type OperatingPoint,
  operatingPoints,
  pointOn,
  trimmed,
} from './operating-points.js';
import { shuffle, subset, type TuneRecord } from './record.js';
import { refined } from './refine.js';
import { chosen, meets, type Target, unitOf } from './target.js';
import { DEFAULT_TERMS, type Terms } from './walk.js';

export interface Wish {
  readonly score: Terms['score'];
  readonly target: Target;
  /** What the search saves; default: what the target is said in, multiply-accumulates where it is said in neither. */
  readonly cost?: Terms['unit'];
  /** Operating points of the policy. */
  readonly points: number;
  /** Whether exits may speak together with the last one of the rung before. */
  readonly blend?: boolean;
  /** Rungs that may be used; default: all. */
  readonly rungs?: readonly string[];
}

export interface Solution {
  /** The static choice. */
  readonly full: OperatingPoint;
  /** No point found beats one of these in both; cheapest first. */
  readonly frontier: readonly OperatingPoint[];
  /** The chosen one and cheaper ones, dear to cheap; measured on all pictures of the record. */
  readonly points: readonly OperatingPoint[];
  /** The rule of entry of the first point, and whether it was worth its lines. */
  readonly entry?: { readonly fitted: FittedEntry; readonly kept: boolean };
  readonly guarantee?: Guarantee;
}

/** A rule of entry that saves less than this share is not worth its lines. */
const LEAST_GAIN = 0.01;
/** A model of four features that is fitted on fewer pictures than half of these, and judged on as many, says nothing. */
const LEAST_PICTURES = 200;
/** Shares of the risk at which candidates for a guarantee are made: how much is left to chance depends on how many pictures test. */
const LEVELS = [0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9];
/** Of the split between pictures to solve on and pictures to test on. */
const SEED = 7;

/** What comes nearest to a wish that nothing meets. */
export interface Unmet {
  readonly full: OperatingPoint;
  readonly cheapest: OperatingPoint;
  /** Of the best quality. */
  readonly closest: OperatingPoint;
}

export function solve(record: TuneRecord, wish: Wish, progress: (done: number, of: number) => void): Solution | Unmet {
  const { target } = wish;
  return 'risk' in target ? guaranteed(record, wish, target, progress) : solved(record, wish, progress);
}

/** Without labels only agreement with the full network can be kept. */
function termsOf(record: TuneRecord, { score, target, blend, cost = unitOf(target) }: Wish): Terms {
  const agreement = !record.labelled || 'risk' in target;
  return { ...DEFAULT_TERMS, score, blend, unit: cost, quality: agreement ? 'agreement' : 'expected' };
}

/** The record of some rungs; the full network stays what it is. */
function among(record: TuneRecord, wanted: readonly string[] | undefined): TuneRecord {
  if (wanted === undefined) return record;
  return { ...record, rungs: record.rungs.filter(({ id }) => wanted.includes(id)) };
}

function solved(record: TuneRecord, wish: Wish, progress: (done: number, of: number) => void): Solution | Unmet {
  const { target } = wish;
  const full = fullPoint(record, termsOf(record, wish));
  const usable = among(record, wish.rungs);
  const found = operatingPoints(usable, full, progress);
  const all =
    'latencyP95Ms' in target ? byCost([...found, ...cutAt(usable, frontier(found), target.latencyP95Ms)]) : found;
  const best = chosen(all, full, target);
  if (best === undefined) return unmet(full, all);
  const steps = ladder(refined(best, full, target), all, wish.points);
  const points = steps.map((step, i) => {
    const point = trimmed(usable, step);
    const fitted = entryFor(point, record);
    const kept = fitted !== undefined && pays(fitted) && (i > 0 || meets(fitted.outcome, full, target));
    return { point: kept ? { ...point, entry: fitted.entry, outcome: fitted.outcome } : point, fitted, kept };
  });
  const { fitted, kept } = points[0]!;
  return {
    full,
    frontier: frontier(all),
    points: cheaperEach(points.map(({ point }) => point)),
    ...(fitted === undefined ? {} : { entry: { fitted, kept } }),
  };
}

/** @param points cheapest first */
function unmet(full: OperatingPoint, points: readonly OperatingPoint[]): Unmet {
  return { full, cheapest: points[0]!, closest: frontier(points).at(-1)! };
}

/** Those that are cheaper than the one before: rules of entry and other pictures change what points cost, and with it their order. */
function cheaperEach(points: readonly OperatingPoint[]): OperatingPoint[] {
  const kept: OperatingPoint[] = [];
  for (const point of points) if (point.outcome.macs < (kept.at(-1)?.outcome.macs ?? Infinity)) kept.push(point);
  return kept;
}

/** Patience, gates and shares need the exits before; those that a picture never came to have said nothing. */
function entryFor(point: OperatingPoint, { content }: TuneRecord): FittedEntry | undefined {
  const { terms, blend } = point.walk;
  const needsAll = terms.score === 'patience' || terms.score === 'gate' || blend?.some((share) => share > 0);
  if (needsAll || content.length < LEAST_PICTURES) return undefined;
  return fitEntry(point, content);
}

/** Whether a rule of entry saves enough where it was not fitted, without loss there. */
function pays({ gain, qualityChange }: FittedEntry): boolean {
  return gain >= LEAST_GAIN && qualityChange >= 0;
}

/** Solves on one half and tests on the other: nothing of a point may change after its test, so it is not refined and has no rule of entry. */
function guaranteed(
  record: TuneRecord,
  wish: Wish,
  { risk, confidence }: { readonly risk: number; readonly confidence: number },
  progress: (done: number, of: number) => void,
): Solution | Unmet {
  const order = shuffle(record.labels.length, SEED);
  const half = Math.floor(order.length / 2);
  const [seen, tested] = [subset(record, order.slice(0, half)), subset(record, order.slice(half))];
  const full = fullPoint(seen, termsOf(record, wish));
  const usable = among(seen, wish.rungs);
  const all = frontier(operatingPoints(usable, full, progress));
  const guarantee = { risk, confidence, pictures: tested.labels.length };
  // Between the corners of the frontier, where the test will have to stop.
  const between = LEVELS.flatMap((level) => {
    const aim = { risk: level * risk, confidence };
    const near = chosen(all, full, aim);
    return near === undefined ? [] : [refined(near, full, aim)];
  });
  const path = safestFirst([...all, ...between]);
  // The full network differs from itself nowhere, whatever chance does.
  const [best] = byCost([...safePoints(path, tested, guarantee), ...(isWithin(usable, full) ? [full] : [])]);
  if (best === undefined) return unmet(full, all);
  const points = cheaperEach(ladder(best, all, wish.points).map((point) => pointOn(record, point)));
  const again = frontier(byCost(all.map((point) => pointOn(record, point))));
  return { full: pointOn(record, full), frontier: again, points, guarantee };
}
