/** sluice tune: chooses a route, its thresholds and its rule of entry on labelled pictures, and writes them as a policy. */

import { type Command, InvalidArgumentError, Option } from 'commander';
import { ConfigError } from '../errors.js';
import { type FittedEntry, fitEntry } from '../tune/entry.js';
import {
  chosen,
  frontier,
  fullPoint,
  meets,
  type OperatingPoint,
  operatingPoints,
  type Target,
} from '../tune/operating-points.js';
import { checkPolicyFile, type RouteFile, routeFile, writePolicy } from '../tune/policy-file.js';
import type { TuneRecord } from '../tune/record.js';
import { refined } from '../tune/refine.js';
import { print, progress, UsageError } from './fail.js';
import { whole, withGateway } from './options.js';
import { type RecordFlags, recordPictures } from './record.js';

interface TuneFlags extends RecordFlags {
  maxDrop?: number;
  budgetMacs?: number;
  rungs?: readonly string[];
  out?: string;
  json: boolean;
}

/** A rule of entry that saves less than this share is not worth its lines. */
const LEAST_GAIN = 0.01;

export function tuneCommand(program: Command): void {
  withGateway(program.command('tune').description('choose a route and its thresholds on labelled pictures'))
    .addOption(new Option('--cascade <name>', 'cascade').env('SLUICE_CASCADE').makeOptionMandatory())
    .requiredOption('--data <dir>', 'one folder a class, named by label, wnid or index')
    .addOption(new Option('--limit <n>', 'only the first n pictures of each class').argParser(whole(1, 1_000_000_000)))
    .addOption(
      new Option('--max-drop <points>', 'cheapest policy that loses at most so many points of top-1: 0.5 or 0.5pt')
        .argParser(points)
        .conflicts('budgetMacs'),
    )
    .addOption(
      new Option('--budget-macs <n>', 'best policy whose mean is at most so many multiply-accumulates').argParser(
        whole(1, Number.MAX_SAFE_INTEGER),
      ),
    )
    .addOption(
      new Option('--rungs <list>', 'only these, for example slimnet/0.5@32,slimnet/1@32; default: all').argParser(list),
    )
    .option('--out <file>', 'policy file to write; what it says of other cascades is kept')
    .option('--json', 'print the report as JSON', false)
    .action(tune);
}

/** @returns a share of one */
function points(text: string): number {
  const value = Number(text.replace(/pt$/, ''));
  if (!/^\d+(\.\d+)?(pt)?$/.test(text) || value > 100) throw new InvalidArgumentError('allowed: points from 0 to 100.');
  return value / 100;
}

async function tune(flags: TuneFlags): Promise<void> {
  const target = targetOf(flags);
  // What cannot be written is told before the work, not after it.
  if (flags.out !== undefined) await checkPolicyFile(flags.out);
  const { record, failed } = await recordPictures(flags);
  if (record.labels.length === 0) throw new ConfigError(flags.data, '', 'none of its pictures could be answered');
  const full = fullPoint(record);
  const all = operatingPoints(among(record, flags.rungs), full, (done, of) => progress(`${done} of ${of} routes`));
  progress('');
  const near = chosen(frontier(all), full, target);
  if (near === undefined)
    throw new UsageError(`no route is so cheap: --budget-macs must be at least ${Math.ceil(all[0]!.outcome.macs)}`);
  const best = refined(near, full, target);
  const fitted = fitEntry(best, record.content);
  const kept = fitted !== undefined && pays(fitted, full, target) ? fitted : undefined;
  const point = kept === undefined ? best : { ...best, outcome: kept.outcome };
  const route = routeFile(point, kept?.entry);
  const report = reportOf(record, failed, full, point, fitted, kept !== undefined, route);
  if (flags.json) print(JSON.stringify(report, null, 2));
  else printReport(report);
  if (flags.out !== undefined) {
    await writePolicy(flags.out, record.cascade, route);
    if (!flags.json) print(`written to ${flags.out}`);
  }
  if (failed > 0) process.exitCode = 1;
}

/** Whether a rule of entry saves enough where it was not fitted, without loss there, and still meets the target everywhere. */
function pays({ gain, top1Change, outcome }: FittedEntry, full: OperatingPoint, target: Target): boolean {
  return gain >= LEAST_GAIN && top1Change >= 0 && meets(outcome, full, target);
}

function list(text: string): string[] {
  return text.split(',').map((id) => id.trim());
}

/** The record of some rungs; the full network stays what it is. */
function among(record: TuneRecord, wanted: readonly string[] | undefined): TuneRecord {
  if (wanted === undefined) return record;
  const known = record.rungs.map(({ id }) => id);
  const stray = wanted.find((id) => !known.includes(id));
  if (stray !== undefined)
    throw new UsageError(`--rungs: found "${stray}"; ${record.cascade} has: ${known.join(', ')}`);
  return { ...record, rungs: record.rungs.filter(({ id }) => wanted.includes(id)) };
}

function targetOf({ maxDrop, budgetMacs }: TuneFlags): Target {
  if (budgetMacs !== undefined) return { budgetMacs };
  if (maxDrop !== undefined) return { maxDrop };
  throw new UsageError('say what to reach: --max-drop or --budget-macs');
}

interface TuneReport {
  readonly cascade: string;
  readonly images: number;
  /** Pictures that could not be answered; they are left out. */
  readonly failed: number;
  readonly full: { readonly macs: number; readonly top1: number; readonly expected_top1: number };
  readonly policy: RouteFile;
  readonly top1: number;
  /** As the full network, calibrated, expects it: of the same pictures, but without their luck. */
  readonly expected_top1: number;
  readonly mean_macs: number;
  readonly ratio: number;
  /** On the half of the pictures that the rule was not fitted on. */
  readonly entry: {
    readonly saves: number;
    readonly top1_change: number;
    readonly sent: number;
    readonly kept: boolean;
  } | null;
  /** Top-1 and MACs of each exit alone. */
  readonly exits: readonly {
    readonly rung: string;
    readonly exit: number;
    readonly macs: number;
    readonly top1: number;
  }[];
}

function reportOf(
  record: TuneRecord,
  failed: number,
  full: OperatingPoint,
  best: OperatingPoint,
  fitted: FittedEntry | undefined,
  kept: boolean,
  policy: RouteFile,
): TuneReport {
  const share = (value: number) => Number(value.toFixed(4));
  const { macs, top1, expected } = best.outcome;
  const right = (guess: Int32Array) => guess.reduce((sum, g, i) => sum + Number(g === record.labels[i]), 0);
  return {
    cascade: record.cascade,
    images: record.labels.length,
    failed,
    full: { macs: full.outcome.macs, top1: share(full.outcome.top1), expected_top1: share(full.outcome.expected) },
    policy,
    top1: share(top1),
    expected_top1: share(expected),
    mean_macs: Math.round(macs),
    ratio: share(macs / full.outcome.macs),
    entry:
      fitted === undefined
        ? null
        : { saves: share(fitted.gain), top1_change: share(fitted.top1Change), sent: share(fitted.sent), kept },
    exits: record.rungs.flatMap(({ id, exits }) =>
      exits.map((exit, k) => ({
        rung: id,
        exit: k + 1,
        macs: exit.macs,
        top1: share(right(exit.guess) / record.labels.length),
      })),
    ),
  };
}

function printReport(report: TuneReport): void {
  const percent = (x: number) => `${(100 * x).toFixed(2)} %`;
  print(`${report.cascade}, ${report.images} pictures, ${report.failed} failed`);
  for (const { rung, exit, macs, top1 } of report.exits)
    print(`  ${`${rung}#${exit}`.padEnd(20)} ${(macs / 1e6).toFixed(2).padStart(8)} million MACs   ${percent(top1)}`);
  print(`chosen: top-1 ${percent(report.top1)} (full network: ${percent(report.full.top1)}) at ratio ${report.ratio}`);
  print(`  expected ${percent(report.expected_top1)} (full network: ${percent(report.full.expected_top1)})`);
  for (const { rung, thresholds } of report.policy.route) print(`  ${rung.padEnd(20)} ${JSON.stringify(thresholds)}`);
  if (report.entry !== null) {
    const { saves, top1_change, sent, kept } = report.entry;
    const fate = kept ? 'kept' : 'left out';
    print(
      `  entry by content saves ${percent(saves)} of the cost, top-1 ${percent(top1_change)}, sends ${percent(sent)}: ${fate}`,
    );
  }
}
