/** The exits of a route in a row, and where pictures leave it for given thresholds. */

import type { Gate, ScoreKind } from '../policy/score.js';
import { blendedExits, fittedBlend } from './blend.js';
import { fittedGates } from './gates.js';
import { type Quality, qualityAt } from './quality.js';
import { matches, type RecordedExit, type RecordedRung, type TuneRecord } from './record.js';
import { scoresOf } from './scores.js';

/** What a search goes by. */
export interface Terms {
  readonly score: ScoreKind;
  /** What it saves: multiply-accumulates, or milliseconds of inference. */
  readonly unit: 'macs' | 'ms';
  /** What it keeps. */
  readonly quality: Quality;
  /** Whether exits speak together with the last one of the rung before. */
  readonly blend?: boolean | undefined;
}

export const DEFAULT_TERMS: Terms = { score: 'max_probability', unit: 'macs', quality: 'expected' };

export interface Walk {
  readonly terms: Terms;
  readonly rungs: readonly RecordedRung[];
  /** Of all rungs in a row; where exits speak together, what they say then. */
  readonly exits: readonly RecordedExit[];
  readonly pictures: number;
  /** MACs spent by a picture that leaves here, by exit; earlier rungs included. */
  readonly macs: Float64Array;
  /** Milliseconds of inference likewise. */
  readonly ms: Float64Array;
  /** `macs` or `ms`: what the search saves. */
  readonly cost: Float64Array;
  /** By exit, by picture. */
  readonly score: readonly Float64Array[];
  /** With score `gate`: by exit. */
  readonly gates?: readonly Gate[];
  /** Where exits speak together: by exit, the share of the last exit of the rung before. */
  readonly blend?: readonly number[];
  /** 1 where the exit's guess is the label, by exit, by picture. */
  readonly right: readonly Uint8Array[];
  /** 1 where the exit's guess is that of the full network, by exit, by picture. */
  readonly agrees: readonly Uint8Array[];
  /** What the search keeps, 0..1, by exit, by picture: see {@link Terms.quality}. */
  readonly quality: readonly Float32Array[];
  /** Index of the first exit of each rung. */
  readonly starts: readonly number[];
}

/**
 * @param rungs of the record, in the order in which a picture climbs them
 * @param given of its exits: with score `gate` gates are fitted, with `blend` shares, where none are given
 */
export function walkOf(
  record: TuneRecord,
  rungs: readonly RecordedRung[],
  terms: Terms = DEFAULT_TERMS,
  given: Pick<Walk, 'gates' | 'blend'> = {},
): Walk {
  const [macs, ms, starts]: [number[], number[], number[]] = [[], [], []];
  for (const { exits } of rungs) {
    starts.push(macs.length);
    const [spentMacs, spentMs] = [macs.at(-1) ?? 0, ms.at(-1) ?? 0];
    for (const exit of exits) {
      macs.push(spentMacs + exit.macs);
      ms.push(spentMs + exit.ms);
    }
  }
  const blend = terms.blend ? (given.blend ?? fittedBlend(record, rungs, terms.quality)) : undefined;
  const exits = blend === undefined ? rungs.flatMap((rung) => rung.exits) : blendedExits(record, rungs, blend);
  const same = (answers: Int32Array) => exits.map(({ guess }) => matches(guess, answers));
  const [right, agrees] = [same(record.labels), same(record.full)];
  const fitted = terms.score === 'gate' ? (given.gates ?? fittedGates(exits, agrees)) : undefined;
  const costs = { macs: Float64Array.from(macs), ms: Float64Array.from(ms) };
  return {
    terms,
    rungs,
    exits,
    pictures: record.labels.length,
    ...costs,
    cost: costs[terms.unit],
    score: scoresOf(exits, terms.score, fitted),
    ...(fitted === undefined ? {} : { gates: fitted }),
    ...(blend === undefined ? {} : { blend }),
    right,
    agrees,
    quality: exits.map((exit) => Float32Array.from(exit.guess, (_, i) => qualityAt(exit, record, terms.quality, i))),
    starts,
  };
}

/** The same walk over other pictures of the same cascade, with the gates and shares that it has. */
export function walkOn(record: TuneRecord, walk: Walk): Walk {
  const rungs = walk.rungs.map(({ id, exits }) => {
    const there = record.rungs.find((rung) => rung.id === id)!;
    return { id, exits: there.exits.slice(0, exits.length) };
  });
  return walkOf(record, rungs, walk.terms, walk);
}

/** Where a walk ends. Means are of a picture, shares are of one. */
export interface Outcome {
  /** Mean of what the search saves. */
  readonly cost: number;
  readonly macs: number;
  readonly ms: number;
  /** 95 % of the pictures need no more milliseconds of inference. */
  readonly p95Ms: number;
  /** Share of right answers. */
  readonly top1: number;
  /** Share of answers that are those of the full network. */
  readonly agreement: number;
  /** Mean of what the search keeps. */
  readonly quality: number;
  /** By picture, the exit at which it left. */
  readonly exits: Int32Array;
  /** By picture, the first exit that it came to. */
  readonly entered?: Int32Array;
}

/** What picture `i` spent of `cost`, which is one of the walk's. */
export function spentBy({ exits, entered }: Outcome, cost: Float64Array, i: number): number {
  return spentFrom(cost, entered?.[i] ?? 0, exits[i]!);
}

function spentFrom(cost: Float64Array, entered: number, exit: number): number {
  return cost[exit]! - (entered === 0 ? 0 : cost[entered - 1]!);
}

/** One per exit; null: never leave here. The last exit always answers. */
export type Thresholds = readonly (number | null)[];

/** The first exit of first..last whose threshold the picture reaches; `last` when none. */
export function leavesAt(
  walk: Walk,
  thresholds: Thresholds,
  picture: number,
  first = 0,
  last = walk.cost.length - 1,
): number {
  for (let exit = first; exit < last; exit++) {
    const threshold = thresholds[exit];
    if (threshold !== null && threshold !== undefined && walk.score[exit]![picture]! >= threshold) return exit;
  }
  return last;
}

/**
 * Walks every picture.
 * @param entered first exit of each picture; default: the first of all
 */
export function measureWalk(walk: Walk, thresholds: Thresholds, entered?: Int32Array): Outcome {
  const exits = new Int32Array(walk.pictures);
  for (let i = 0; i < exits.length; i++) exits[i] = leavesAt(walk, thresholds, i, entered?.[i]);
  return outcomeOf(walk, exits, entered);
}

/** @param exits by picture, where it leaves, however that was decided */
export function outcomeOf(walk: Walk, exits: Int32Array, entered?: Int32Array): Outcome {
  const sum = { macs: 0, ms: 0, right: 0, agrees: 0, quality: 0 };
  const ms = new Float64Array(walk.pictures);
  for (let i = 0; i < walk.pictures; i++) {
    const exit = exits[i]!;
    const from = entered?.[i] ?? 0;
    sum.macs += spentFrom(walk.macs, from, exit);
    ms[i] = spentFrom(walk.ms, from, exit);
    sum.ms += ms[i]!;
    sum.right += walk.right[exit]![i]!;
    sum.agrees += walk.agrees[exit]![i]!;
    sum.quality += walk.quality[exit]![i]!;
  }
  const mean = (total: number) => total / walk.pictures;
  const means = { macs: mean(sum.macs), ms: mean(sum.ms) };
  return {
    ...means,
    cost: means[walk.terms.unit],
    p95Ms: ms.sort()[Math.max(0, Math.ceil(0.95 * walk.pictures) - 1)] ?? 0,
    top1: mean(sum.right),
    agreement: mean(sum.agrees),
    quality: mean(sum.quality),
    exits,
    ...(entered === undefined ? {} : { entered }),
  };
}
