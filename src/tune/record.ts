/** What every exit of a cascade said of every labelled picture: all that tuning needs, measured once. */

import type { Content } from '../policy/entry.js';

/** One exit of one rung. */
export interface RecordedExit {
  /** Multiply-accumulates from the picture to this exit, within its rung. */
  readonly macs: number;
  /** Calibrated score, by picture. */
  readonly score: Float32Array;
  /** Most probable class, by picture. */
  readonly guess: Int32Array;
  /** What the full network, calibrated, holds to be the probability of that guess, by picture. */
  readonly belief: Float32Array;
}

export interface RecordedRung {
  readonly id: string;
  /** Shallow to deep. */
  readonly exits: readonly RecordedExit[];
}

export interface TuneRecord {
  readonly cascade: string;
  /** Cheap to dear, as in the cascade. */
  readonly rungs: readonly RecordedRung[];
  /** Class, by picture. */
  readonly labels: Int32Array;
  /** By picture. */
  readonly content: readonly Content[];
}

/** The exits of a route in a row, with what leaving at each costs and whether it is right. */
export interface Walk {
  readonly rungs: readonly RecordedRung[];
  readonly pictures: number;
  /** MACs spent by a picture that leaves here, by exit; earlier rungs included. */
  readonly cost: Float64Array;
  /** By exit, by picture. */
  readonly score: readonly Float32Array[];
  /** 1 where the exit's guess is the label, by exit, by picture. */
  readonly right: readonly Uint8Array[];
  /**
   * Probability that the exit's guess is right, as the full network sees it. Thresholds are solved on this and not on `right`: among
   * many routes and thresholds there are always some whose early exits are right by luck on just these pictures.
   */
  readonly belief: readonly Float32Array[];
  /** Index of the first exit of each rung. */
  readonly starts: readonly number[];
}

/** @param rungs of the record, in the order in which a picture climbs them */
export function walkOf(record: TuneRecord, rungs: readonly RecordedRung[]): Walk {
  const cost: number[] = [];
  const starts: number[] = [];
  let spent = 0;
  for (const { exits } of rungs) {
    starts.push(cost.length);
    for (const { macs } of exits) cost.push(spent + macs);
    spent = cost.at(-1)!;
  }
  const exits = rungs.flatMap((rung) => rung.exits);
  return {
    rungs,
    pictures: record.labels.length,
    cost: Float64Array.from(cost),
    score: exits.map(({ score }) => score),
    right: exits.map(({ guess }) => Uint8Array.from(guess, (g, i) => Number(g === record.labels[i]))),
    belief: exits.map(({ belief }) => belief),
    starts,
  };
}

/** Where a walk ends: mean MACs, top-1 as measured and as the full network expects it (0..1), and for each picture the exit at which it left and the MACs that it spent. */
export interface Outcome {
  readonly macs: number;
  readonly top1: number;
  readonly expected: number;
  readonly exits: Int32Array;
  readonly spent: Float64Array;
}

/**
 * Walks every picture.
 * @param thresholds one per exit; null: never leave here. The last exit always answers
 * @param entered first exit of each picture; default: the first of all
 */
export function measureWalk(walk: Walk, thresholds: readonly (number | null)[], entered?: Int32Array): Outcome {
  const last = walk.cost.length - 1;
  const exits = new Int32Array(walk.pictures);
  const spent = new Float64Array(walk.pictures);
  let macs = 0;
  let right = 0;
  let belief = 0;
  for (let i = 0; i < walk.pictures; i++) {
    const from = entered?.[i] ?? 0;
    let exit = from;
    for (; exit < last; exit++) {
      const threshold = thresholds[exit];
      if (threshold !== null && threshold !== undefined && walk.score[exit]![i]! >= threshold) break;
    }
    exits[i] = exit;
    spent[i] = walk.cost[exit]! - (from === 0 ? 0 : walk.cost[from - 1]!);
    macs += spent[i]!;
    right += walk.right[exit]![i]!;
    belief += walk.belief[exit]![i]!;
  }
  return { macs: macs / walk.pictures, top1: right / walk.pictures, expected: belief / walk.pictures, exits, spent };
}
