/** From the lines of a record to the columns that tuning works on. */

import type { SaidTop, TuneRecord } from '../tune/record.js';
import type { RecordHeader, RecordLine } from '../tune/record-file.js';
import type { AnyPicture } from './labelled.js';

/** @param lines by picture; undefined: it could not be answered, and is left out */
export function recordOf(
  cascade: string,
  { rungs, classes }: RecordHeader,
  pictures: readonly AnyPicture[],
  lines: readonly (RecordLine | undefined)[],
): TuneRecord {
  const known = lines.flatMap((line, i) => (line === undefined ? [] : [{ line, label: pictures[i]!.label }]));
  // Not rounded: a score is compared with its threshold here as a lane compares it.
  const doubles = (rung: number, exit: number, what: 1 | 2 | 3) =>
    Float64Array.from(known, ({ line }) => line.said[rung]![exit]![what]);
  const guesses = (rung: number, exit: number) => Int32Array.from(known, ({ line }) => line.said[rung]![exit]![0]);
  const listed = (rung: number, exit: number): SaidTop => {
    const lists = known.map(({ line }) => line.said[rung]![exit]![5]);
    const every = (offset: number) => lists.flatMap((list) => list.filter((_, k) => k % 2 === offset));
    const count = (lists[0]?.length ?? 0) / 2;
    return { count, classes, index: Int32Array.from(every(0)), probability: Float32Array.from(every(1)) };
  };
  const last = rungs.length - 1;
  const lastExit = rungs[last]!.macs.length - 1;
  const full = guesses(last, lastExit);
  return {
    cascade,
    rungs: rungs.map(({ id, macs, ms }, rung) => ({
      id,
      exits: macs.map((_, exit) => ({
        macs: macs[exit]!,
        ms: ms[exit]!,
        guess: guesses(rung, exit),
        probability: doubles(rung, exit, 1),
        margin: doubles(rung, exit, 2),
        entropy: doubles(rung, exit, 3),
        belief: Float32Array.from(known, ({ line }) => line.said[rung]![exit]![4]),
        top: listed(rung, exit),
      })),
    })),
    labelled: known.every(({ label }) => label !== undefined),
    labels: Int32Array.from(known, ({ label }, i) => label ?? full[i]!),
    full,
    fullTop: listed(last, lastExit),
    content: known.map(({ line }) => line.content),
  };
}
