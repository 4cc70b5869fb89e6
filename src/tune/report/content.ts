/** What the report of a tuning is made of. */

import { type Bin, calibrationError, reliability } from '../calibration.js';
import { type Compared, compared, type OracleReached, oracleReached, ruleOn } from '../compare.js';
import { matches, type TuneRecord } from '../record.js';
import type { Solution } from '../solve.js';

/** What the report shows of one exit by itself. */
export interface ExitFigures {
  readonly rung: string;
  /** From 1. */
  readonly exit: number;
  readonly macs: number;
  readonly ms: number;
  readonly top1: number;
  readonly agreement: number;
  readonly bins: readonly Bin[];
  /** Expected calibration error. */
  readonly ece: number;
}

/** All that the report is made of. */
export interface ReportContent {
  readonly seen: TuneRecord;
  readonly heldOut: TuneRecord | undefined;
  readonly solution: Solution;
  /** Of the pictures held out, or where there are none of all. */
  readonly exits: readonly ExitFigures[];
  /** The budgeted-batch rule on the last rung alone, and on the chosen route. */
  readonly rules: { readonly last: readonly Compared[]; readonly route: readonly Compared[] };
  readonly reached: OracleReached | undefined;
}

export function contentOf(seen: TuneRecord, heldOut: TuneRecord | undefined, solution: Solution): ReportContent {
  const { frontier, full, points } = solution;
  const { terms, rungs } = points[0]!.walk;
  // With all their exits: the rule knows none that were left out.
  const route = rungs.map(({ id }) => seen.rungs.find((rung) => rung.id === id)!);
  return {
    seen,
    heldOut,
    solution,
    exits: exitsOf(heldOut ?? seen),
    rules: {
      last: compared(ruleOn(seen, { rungs: seen.rungs.slice(-1), terms }), frontier, heldOut),
      route: compared(ruleOn(seen, { rungs: route, terms }), frontier, heldOut),
    },
    reached: oracleReached(frontier, full, heldOut),
  };
}

function exitsOf(record: TuneRecord): ExitFigures[] {
  const mean = (flags: Uint8Array) => flags.reduce((sum, flag) => sum + flag, 0) / flags.length;
  return record.rungs.flatMap(({ id, exits }) =>
    exits.map(({ macs, ms, guess, probability }, k) => {
      const [right, agrees] = [matches(guess, record.labels), matches(guess, record.full)];
      const bins = reliability(probability, right);
      const ece = calibrationError(bins);
      return { rung: id, exit: k + 1, macs, ms, top1: mean(right), agreement: mean(agrees), bins, ece };
    }),
  );
}
