/** What every exit of a cascade said of every picture: all that tuning needs, measured once. */

import type { Content } from '../policy/entry.js';

/** The most probable classes, by picture; what they leave of 1 is shared by all others. */
export interface SaidTop {
  /** How many of them are listed. */
  readonly count: number;
  /** How many there are. */
  readonly classes: number;
  /** [pictures x count], most probable first. */
  readonly index: Int32Array;
  /** Likewise. */
  readonly probability: Float32Array;
}

/** One exit of one rung. */
export interface RecordedExit {
  /** Multiply-accumulates from the picture to this exit, within its rung. */
  readonly macs: number;
  /** Expected milliseconds of inference from the picture to this exit, within its rung, as a lane measured its stages alone. */
  readonly ms: number;
  /** Most probable class, by picture. */
  readonly guess: Int32Array;
  /** Calibrated probability of that class, by picture. */
  readonly probability: Float64Array;
  /** p1 - p2, by picture. */
  readonly margin: Float64Array;
  /** -sum p ln p / ln(classes), by picture. */
  readonly entropy: Float64Array;
  /** What the full network, calibrated, holds to be the probability of that guess, by picture. */
  readonly belief: Float32Array;
  readonly top: SaidTop;
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
  /** Whether `labels` are of people; else they are the answers of the full network. */
  readonly labelled: boolean;
  /** Class, by picture. */
  readonly labels: Int32Array;
  /** Answer of the full network, by picture. */
  readonly full: Int32Array;
  /** What it says: its rung may be left out. */
  readonly fullTop: SaidTop;
  /** By picture. */
  readonly content: readonly Content[];
}

/** 1 where a guess is the answer, by picture. */
export function matches(guess: Int32Array, answers: Int32Array): Uint8Array {
  return Uint8Array.from(guess, (g, i) => Number(g === answers[i]));
}

/** The record of some of the pictures, in the order of `pictures`. */
export function subset(record: TuneRecord, pictures: readonly number[]): TuneRecord {
  const doubles = (values: Float64Array) => Float64Array.from(pictures, (i) => values[i]!);
  const whole = (values: Int32Array) => Int32Array.from(pictures, (i) => values[i]!);
  const listed = ({ count, classes, index, probability }: SaidTop): SaidTop => {
    const places = pictures.flatMap((i) => Array.from({ length: count }, (_, k) => i * count + k));
    return {
      ...{ count, classes },
      index: Int32Array.from(places, (at) => index[at]!),
      probability: Float32Array.from(places, (at) => probability[at]!),
    };
  };
  return {
    ...record,
    rungs: record.rungs.map(({ id, exits }) => ({
      id,
      exits: exits.map(({ macs, ms, guess, probability, margin, entropy, belief, top }) => ({
        macs,
        ms,
        guess: whole(guess),
        probability: doubles(probability),
        margin: doubles(margin),
        entropy: doubles(entropy),
        belief: Float32Array.from(pictures, (i) => belief[i]!),
        top: listed(top),
      })),
    })),
    labels: whole(record.labels),
    full: whole(record.full),
    fullTop: listed(record.fullTop),
    content: pictures.map((i) => record.content[i]!),
  };
}

/** The first `share` of the pictures and the rest; pictures are recorded in no order, see {@link shuffle}. */
export function split(record: TuneRecord, share: number): readonly [TuneRecord, TuneRecord] {
  const all = [...record.labels.keys()];
  const first = Math.round(all.length * share);
  return [subset(record, all.slice(0, first)), subset(record, all.slice(first))];
}

/** The numbers below `count` in an order that only the seed decides (Fisher and Yates, Mulberry32). */
export function shuffle(count: number, seed: number): number[] {
  const draw = random(seed);
  const order = Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1; i > 0; i--) {
    const j = Math.floor(draw() * (i + 1));
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order;
}

/** Mulberry32: numbers in [0, 1), the same every time for the same seed. */
export function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
