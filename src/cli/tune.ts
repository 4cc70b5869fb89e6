/** sluice tune: chooses a route, its thresholds and its rule of entry on labelled pictures, and writes them as a policy. */

import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Cascade } from '../cascade/cascade.js';
import type { Gateway } from '../gateway/gateway.js';
import type { NamedPolicy } from '../policy/loader.js';
import { type FittedEntry, fitEntry } from '../tune/entry.js';
import {
  chosen,
  frontier,
  fullPoint,
  type OperatingPoint,
  operatingPoints,
  type Target,
} from '../tune/operating-points.js';
import { type RouteFile, routeFile, writePolicy } from '../tune/policy-file.js';
import type { TuneRecord } from '../tune/record.js';
import { print, progress, UsageError } from './fail.js';
import { type LabelledPicture, listPictures } from './labelled.js';
import { openGateway } from './open.js';
import { type GatewayFlags, whole, withGateway } from './options.js';
import { readPicture } from './picture.js';

interface TuneFlags extends GatewayFlags {
  cascade: string;
  data: string;
  limit?: number;
  maxDrop?: number;
  budgetMacs?: number;
  out?: string;
  json: boolean;
}

/** Walks every rung to its last exit, so that all of them speak of every picture. No file can have this name. */
const RECORD = '(record)';

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
  const record = await recorded(flags);
  const full = fullPoint(record);
  const all = operatingPoints(record, (done, of) => progress(`${done} of ${of} routes`));
  progress('');
  const best = chosen(frontier(all), full, target);
  if (best === undefined) throw new UsageError('no route is so cheap: raise --budget-macs');
  const fitted = fitEntry(best, record.content);
  const pays = fitted !== undefined && fitted.gain >= LEAST_GAIN && fitted.top1Change >= 0;
  const route = routeFile(best, pays ? fitted : undefined);
  if (flags.out !== undefined) await writePolicy(flags.out, record.cascade, route);
  const report = reportOf(record, full, best, fitted, pays, route);
  if (flags.json) print(JSON.stringify(report, null, 2));
  else printReport(report, flags.out);
}

function targetOf({ maxDrop, budgetMacs }: TuneFlags): Target {
  if (budgetMacs !== undefined) return { budgetMacs };
  if (maxDrop !== undefined) return { maxDrop };
  throw new UsageError('say what to reach: --max-drop or --budget-macs');
}

/** Runs every rung and exit once over the pictures. */
async function recorded(flags: TuneFlags): Promise<TuneRecord> {
  const broken = (error: Error) => process.stderr.write(`sluice: left out: ${error.message}\n`);
  const inFlight = flags.lanes * 48;
  const options = { ...flags, queue: 2 * inFlight, policy: RECORD };
  const gateway = await openGateway(options, { broken }, (cascades) => cascades.map(everyExit));
  try {
    await gateway.start();
    // An unknown name is told before the folder is read.
    gateway.plan(flags.cascade, 'full');
    const cascade = gateway.cascades.find(({ name }) => name === flags.cascade)!;
    const pictures = await listPictures(flags.data, cascade, flags.limit);
    return await record(gateway, cascade, shuffled(pictures), inFlight);
  } finally {
    await gateway.close();
  }
}

function everyExit(cascade: Cascade): NamedPolicy {
  const route = cascade.rungs.map(({ id, stages }) => ({ rung: id, thresholds: stages.map(() => null), reach: 1 }));
  return {
    name: `${RECORD} ${cascade.name}`,
    file: 'built in',
    policy: { kind: 'threshold', description: '', score: 'max_probability', cascades: { [cascade.name]: { route } } },
  };
}

/** The same order every time, and no class beside its like: halves of it are halves of every class. */
function shuffled(pictures: readonly LabelledPicture[]): LabelledPicture[] {
  const seen = new Map<number, number>();
  const turn = pictures.map(({ label }) => {
    const count = seen.get(label) ?? 0;
    seen.set(label, count + 1);
    return count;
  });
  return [...pictures.keys()].sort((a, b) => turn[a]! - turn[b]!).map((i) => pictures[i]!);
}

async function record(
  gateway: Gateway,
  cascade: Cascade,
  pictures: readonly LabelledPicture[],
  inFlight: number,
): Promise<TuneRecord> {
  const facts = gateway.facts(cascade.name);
  const rungs = cascade.rungs.map(({ id, stages }, rung) => {
    let macs = 0;
    const exits = stages.map((_, exit) => {
      macs += facts[rung]![exit]!.macs;
      return { macs, score: new Float32Array(pictures.length), guess: new Int32Array(pictures.length) };
    });
    return { id, exits };
  });
  const content: TuneRecord['content'][number][] = [];
  const queue = pictures.entries();
  let done = 0;
  const worker = async () => {
    for (const [i, { file }] of queue) {
      const { answer } = await gateway.classify({
        image: await readPicture(file),
        cascade: cascade.name,
        policy: `${RECORD} ${cascade.name}`,
        top: 1,
        explain: true,
        deadlineAt: Number.POSITIVE_INFINITY,
      });
      for (const { rung, exit, score, guess } of answer.steps!) {
        const at = rungs[rung]!.exits[exit - 1]!;
        at.score[i] = score;
        at.guess[i] = guess;
      }
      content[i] = answer.content!;
      progress(`${++done} of ${pictures.length} pictures`);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
  progress('');
  return { cascade: cascade.name, rungs, labels: Int32Array.from(pictures, ({ label }) => label), content };
}

interface TuneReport {
  readonly cascade: string;
  readonly images: number;
  readonly full: { readonly macs: number; readonly top1: number };
  readonly policy: RouteFile;
  readonly top1: number;
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
  full: OperatingPoint,
  best: OperatingPoint,
  fitted: FittedEntry | undefined,
  kept: boolean,
  policy: RouteFile,
): TuneReport {
  const share = (value: number) => Number(value.toFixed(4));
  const { macs, top1 } = best.outcome;
  const right = (guess: Int32Array) => guess.reduce((sum, g, i) => sum + Number(g === record.labels[i]), 0);
  return {
    cascade: record.cascade,
    images: record.labels.length,
    full: { macs: full.outcome.macs, top1: share(full.outcome.top1) },
    policy,
    top1: share(top1),
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

function printReport(report: TuneReport, out: string | undefined): void {
  const percent = (x: number) => `${(100 * x).toFixed(2)} %`;
  print(`${report.cascade}, ${report.images} pictures`);
  for (const { rung, exit, macs, top1 } of report.exits)
    print(`  ${`${rung}#${exit}`.padEnd(20)} ${(macs / 1e6).toFixed(2).padStart(8)} million MACs   ${percent(top1)}`);
  print(`chosen: top-1 ${percent(report.top1)} (full network: ${percent(report.full.top1)}) at ratio ${report.ratio}`);
  for (const { rung, thresholds } of report.policy.route) print(`  ${rung.padEnd(20)} ${JSON.stringify(thresholds)}`);
  if (report.entry !== null) {
    const { saves, top1_change, sent, kept } = report.entry;
    const fate = kept ? 'kept' : 'left out';
    print(
      `  entry by content saves ${percent(saves)} of the cost, top-1 ${percent(top1_change)}, sends ${percent(sent)}: ${fate}`,
    );
  }
  if (out !== undefined) print(`written to ${out}`);
}
