/** What sluice tune says of its choice, for people and as JSON. */

import { oracleReached } from '../tune/compare.js';
import { judgedGates } from '../tune/gates.js';
import type { Guarantee } from '../tune/guarantee.js';
import { type OperatingPoint, pointOn } from '../tune/operating-points.js';
import type { RouteFile, RuleFile } from '../tune/policy-file.js';
import { matches, type TuneRecord } from '../tune/record.js';
import type { Solution } from '../tune/solve.js';
import type { Outcome } from '../tune/walk.js';
import { print } from './fail.js';

interface Figures {
  /** Null without labels. */
  readonly top1: number | null;
  /** What was solved for: half top-1 and half what the full network, calibrated, expects of it; without labels: agreement. */
  readonly quality: number;
  readonly agreement: number;
  readonly mean_macs: number;
  readonly ratio: number;
  readonly mean_ms: number;
  readonly p95_ms: number;
}

export interface TuneReport extends Figures {
  readonly cascade: string;
  readonly score: string;
  readonly images: number;
  /** Pictures that could not be answered; they are left out. */
  readonly failed: number;
  readonly full: {
    readonly macs: number;
    readonly ms: number;
    readonly top1: number | null;
    readonly quality: number;
  };
  readonly policy: RuleFile;
  /** The chosen point on pictures that it was not solved on. */
  readonly held_out: (Figures & { readonly images: number; readonly full_top1: number | null }) | null;
  /** On the half of the pictures that the rule was not fitted on. */
  readonly entry: {
    readonly saves: number;
    readonly quality_change: number;
    readonly sent: number;
    readonly kept: boolean;
  } | null;
  readonly guarantee: Guarantee | null;
  /** By exit of the chosen route but its last: mean -ln p on the half that gates were not fitted on, with the gate and with max_probability. */
  readonly gates:
    | readonly { readonly exit: string; readonly log_loss: number; readonly max_probability_log_loss: number }[]
    | null;
  /** The cheapest point within 0.1 points of the full network: its share of what the oracle on its route saves. */
  readonly oracle: {
    readonly ratio: number;
    readonly oracle_ratio: number;
    readonly share_of_saving: number;
    readonly held_out_share_of_saving: number | null;
  } | null;
  /** Quality and cost of each exit alone. */
  readonly exits: readonly {
    readonly rung: string;
    readonly exit: number;
    readonly macs: number;
    readonly ms: number;
    /** Without labels: agreement. */
    readonly top1: number;
  }[];
}

export function reportOf(
  record: TuneRecord,
  heldOut: TuneRecord | undefined,
  failed: number,
  solution: Solution,
  policy: RuleFile,
): TuneReport {
  const { full, points, entry, guarantee } = solution;
  const best = points[0]!;
  const figures = (outcome: Outcome): Figures => ({
    top1: record.labelled ? share(outcome.top1) : null,
    quality: share(outcome.quality),
    agreement: share(outcome.agreement),
    mean_macs: Math.round(outcome.macs),
    ratio: share(outcome.macs / full.outcome.macs),
    mean_ms: Number(outcome.ms.toPrecision(4)),
    p95_ms: Number(outcome.p95Ms.toPrecision(4)),
  });
  const fullTop1 = (of: TuneRecord) => (record.labelled ? share(pointOn(of, full).outcome.top1) : null);
  const reached = oracleReached(solution.frontier, full, heldOut);
  const right = (guess: Int32Array) => matches(guess, record.labels).reduce((sum, match) => sum + match, 0);
  return {
    cascade: record.cascade,
    score: best.walk.terms.score,
    images: record.labels.length,
    failed,
    full: {
      macs: full.outcome.macs,
      ms: Number(full.outcome.ms.toPrecision(4)),
      top1: fullTop1(record),
      quality: share(full.outcome.quality),
    },
    policy,
    ...figures(best.outcome),
    held_out:
      heldOut === undefined
        ? null
        : { images: heldOut.labels.length, full_top1: fullTop1(heldOut), ...figures(pointOn(heldOut, best).outcome) },
    entry:
      entry === undefined
        ? null
        : {
            saves: share(entry.fitted.gain),
            quality_change: share(entry.fitted.qualityChange),
            sent: share(entry.fitted.sent),
            kept: entry.kept,
          },
    guarantee: guarantee ?? null,
    // With a guarantee they were fitted on other pictures than the first half of all, and others were drawn to judge.
    gates: guarantee === undefined ? gatesOf(best) : null,
    oracle:
      reached === undefined
        ? null
        : {
            ratio: share(reached.point.seen.cost / full.outcome.cost),
            oracle_ratio: share(reached.oracle.seen.cost / full.outcome.cost),
            share_of_saving: share(reached.share.seen),
            held_out_share_of_saving: reached.share.heldOut === undefined ? null : share(reached.share.heldOut),
          },
    exits: record.rungs.flatMap(({ id, exits }) =>
      exits.map((exit, k) => ({
        rung: id,
        exit: k + 1,
        macs: exit.macs,
        ms: exit.ms,
        top1: share(right(exit.guess) / record.labels.length),
      })),
    ),
  };
}

function gatesOf({ walk: { gates, rungs, exits, agrees } }: OperatingPoint): TuneReport['gates'] {
  if (gates === undefined) return null;
  const names = rungs.flatMap(({ id, exits }) => exits.map((_, k) => `${id}#${k + 1}`));
  const judged = judgedGates(exits, agrees, gates).slice(0, -1);
  return judged.map(({ logLoss, plainLogLoss }, i) => ({
    exit: names[i]!,
    log_loss: share(logLoss),
    max_probability_log_loss: share(plainLogLoss),
  }));
}

const share = (value: number) => Number(value.toFixed(4));

const percent = (x: number) => `${(100 * x).toFixed(2)} %`;

export function printReport(report: TuneReport): void {
  const { full, held_out, entry, guarantee, oracle } = report;
  print(`${report.cascade}, ${report.images} pictures, ${report.failed} failed`);
  for (const { rung, exit, macs, ms, top1 } of report.exits)
    print(
      `  ${`${rung}#${exit}`.padEnd(20)} ${(macs / 1e6).toFixed(2).padStart(8)} million MACs ${ms.toFixed(3).padStart(8)} ms   ${percent(top1)}`,
    );
  const quality = report.top1 === null ? '' : `top-1 ${percent(report.top1)} (full network: ${percent(full.top1!)}), `;
  print(`chosen: ${quality}agreement ${percent(report.agreement)} at ratio ${report.ratio}, ${report.mean_ms} ms`);
  if (report.top1 !== null) print(`  quality ${percent(report.quality)} (full network: ${percent(full.quality)})`);
  if (held_out !== null) {
    const there =
      held_out.top1 === null ? '' : `top-1 ${percent(held_out.top1)} (full network: ${percent(held_out.full_top1!)}), `;
    print(
      `held out, ${held_out.images} pictures: ${there}agreement ${percent(held_out.agreement)} at ratio ${held_out.ratio}`,
    );
  }
  if (guarantee !== null)
    print(
      `  at most ${percent(guarantee.risk)} differ from the full network, confidence ${percent(guarantee.confidence)}, tested on ${guarantee.pictures} pictures`,
    );
  printPolicy(report.policy);
  if (entry !== null)
    print(
      `  entry by content saves ${percent(entry.saves)} of the cost, quality ${percent(entry.quality_change)}, sends ${percent(entry.sent)}: ${entry.kept ? 'kept' : 'left out'}`,
    );
  if (oracle !== null)
    print(`  as good as the full network within 0.1 points: ${percent(oracle.share_of_saving)} of the oracle's saving`);
}

function printPolicy(policy: RuleFile): void {
  const routes: readonly (RouteFile & { readonly name?: string })[] = 'points' in policy ? policy.points : [policy];
  for (const { name, route } of routes) {
    if (name !== undefined) print(`  ${name}`);
    for (const { rung, thresholds, blend } of route) {
      const together = blend === undefined ? '' : `  blend ${JSON.stringify(blend)}`;
      print(`  ${rung.padEnd(20)} ${JSON.stringify(thresholds)}${together}`);
    }
  }
}
