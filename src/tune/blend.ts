/** What the exits of a rung say together with the last exit of the rung before it, and how much share that one should have. */

import { LEAST_SAID } from '../policy/score.js';
import { type Quality, qualityAt } from './quality.js';
import type { RecordedExit, RecordedRung, SaidTop, TuneRecord } from './record.js';

/** Shares that are tried. */
const SHARES = [0, 0.1, 0.2, 0.3, 0.4, 0.5];
/** Points of quality, as a share of one, that are worth a share. */
const LEAST_GAIN = 0.002;

/**
 * By exit of `rungs` in a row; 0 where nothing is gained. What counts is the quality that a search keeps (walk.ts), on the half of the
 * pictures of which the exit before is the less sure: those climb. How sure the exits are together is of no account, thresholds follow.
 */
export function fittedBlend(
  record: TuneRecord,
  rungs: readonly RecordedRung[],
  quality: Quality = 'expected',
): number[] {
  return rungs.flatMap(({ exits }, leg) => {
    const before = rungs[leg - 1]?.exits.at(-1);
    return exits.map((exit) => (before === undefined ? 0 : pairOf(record, before, exit).share(quality)));
  });
}

/**
 * @param shares as {@link fittedBlend} gives them
 * @returns by exit of `rungs` in a row
 */
export function blendedExits(
  record: TuneRecord,
  rungs: readonly RecordedRung[],
  shares: readonly number[],
): RecordedExit[] {
  let at = 0;
  return rungs.flatMap(({ exits }, leg) =>
    exits.map((exit) => {
      const share = shares[at++]!;
      return share === 0 ? exit : pairOf(record, rungs[leg - 1]!.exits.at(-1)!, exit).exitAt(share);
    }),
  );
}

interface Pair {
  /** The best one; fitted when it is first asked for, which other pictures than those solved on never do. */
  share(quality: Quality): number;
  exitAt(share: number): RecordedExit;
}

/** Routes share their pairs of exits. */
const pairs = new WeakMap<RecordedExit, WeakMap<RecordedExit, Pair>>();

function pairOf(record: TuneRecord, before: RecordedExit, exit: RecordedExit): Pair {
  const known = pairs.get(before) ?? new WeakMap<RecordedExit, Pair>();
  pairs.set(before, known);
  const found = known.get(exit);
  if (found !== undefined) return found;
  const made = new Map<number, RecordedExit>([[0, exit]]);
  const exitAt = (share: number) => {
    const held = made.get(share) ?? pooledExit(record, before, exit, share);
    made.set(share, held);
    return held;
  };
  const fitted = new Map<Quality, number>();
  const pair = {
    exitAt,
    share(quality: Quality) {
      const known = fitted.get(quality);
      if (known !== undefined) return known;
      const unsure = unsureHalf(before);
      const qualities = SHARES.map((each) => meanQuality(exitAt(each), record, quality, unsure));
      const best = qualities.indexOf(Math.max(...qualities));
      const share = qualities[best]! - qualities[0]! > LEAST_GAIN ? SHARES[best]! : 0;
      fitted.set(quality, share);
      // The others are not asked for again.
      for (const each of made.keys()) if (each !== 0 && each !== share) made.delete(each);
      return share;
    },
  };
  known.set(exit, pair);
  return pair;
}

function unsureHalf({ probability }: RecordedExit): number[] {
  const middle = Float64Array.from(probability).sort()[Math.floor(probability.length / 2)] ?? 0;
  return [...probability.keys()].filter((i) => probability[i]! <= middle);
}

function meanQuality(exit: RecordedExit, record: TuneRecord, quality: Quality, pictures: readonly number[]): number {
  const sum = pictures.reduce((total, i) => total + qualityAt(exit, record, quality, i), 0);
  return sum / Math.max(1, pictures.length);
}

/** Classes that are not listed have the rest in equal parts. */
function restOf({ count, classes, probability }: SaidTop, picture: number): number {
  let sum = 0;
  for (let k = picture * count; k < (picture + 1) * count; k++) sum += probability[k]!;
  return classes === count ? 0 : Math.max(0, 1 - sum) / (classes - count);
}

function probabilityOf(top: SaidTop, picture: number, index: number): number {
  for (let k = picture * top.count; k < (picture + 1) * top.count; k++)
    if (top.index[k] === index) return top.probability[k]!;
  return restOf(top, picture);
}

/** As `pooled` in policy/score.ts, from the classes that are listed. */
function pooledExit({ fullTop }: TuneRecord, before: RecordedExit, exit: RecordedExit, share: number): RecordedExit {
  const [a, b] = [before.top, exit.top];
  const { count, classes } = b;
  const pictures = exit.guess.length;
  const columns = {
    guess: new Int32Array(pictures),
    probability: new Float64Array(pictures),
    margin: new Float64Array(pictures),
    entropy: new Float64Array(pictures),
    belief: new Float32Array(pictures),
  };
  const top = { count, classes, index: new Int32Array(b.index.length), probability: new Float32Array(b.index.length) };
  const weigh = (p: number, q: number) =>
    Math.exp(share * Math.log(Math.max(p, LEAST_SAID)) + (1 - share) * Math.log(Math.max(q, LEAST_SAID)));
  for (let i = 0; i < pictures; i++) {
    const [restA, restB] = [restOf(a, i), restOf(b, i)];
    const listed = new Set(b.index.subarray(i * count, (i + 1) * count));
    for (let k = i * a.count; k < (i + 1) * a.count; k++) listed.add(a.index[k]!);
    const said = Array.from(listed, (index) => ({
      index,
      p: weigh(probabilityOf(a, i, index), probabilityOf(b, i, index)),
    }));
    const rest = weigh(restA, restB);
    const others = classes - said.length;
    const sum = said.reduce((total, { p }) => total + p, others * rest);
    said.sort((x, y) => y.p - x.p || x.index - y.index);
    const nats = said.reduce((total, { p }) => total - (p / sum) * Math.log(p / sum), 0);
    columns.guess[i] = said[0]!.index;
    columns.probability[i] = said[0]!.p / sum;
    columns.margin[i] = (said[0]!.p - (said[1]?.p ?? 0)) / sum;
    columns.entropy[i] = (nats - others * (rest / sum) * Math.log(rest / sum)) / Math.log(classes);
    columns.belief[i] = probabilityOf(fullTop, i, said[0]!.index);
    for (let k = 0; k < count; k++) {
      top.index[i * count + k] = said[k]!.index;
      top.probability[i * count + k] = said[k]!.p / sum;
    }
  }
  return { macs: exit.macs, ms: exit.ms, ...columns, top };
}
