/** The options of sluice tune, and what they ask for. */

import { type Command, InvalidArgumentError, Option } from 'commander';
import { SCORES, type ScoreKind } from '../policy/score.js';
import type { Target } from '../tune/target.js';
import type { Terms } from '../tune/walk.js';
import { UsageError } from './fail.js';
import { decimal, whole, withGateway } from './options.js';
import type { RecordFlags } from './record.js';

export interface TuneFlags extends RecordFlags {
  readonly data: string;
  readonly test?: string;
  readonly holdout: number;
  readonly score: ScoreKind;
  readonly maxDrop?: number;
  readonly minAgreement?: number;
  readonly budgetMacs?: number;
  readonly budgetMs?: number;
  readonly latencyP95?: number;
  readonly risk?: number;
  readonly confidence: number;
  readonly cost?: Terms['unit'];
  readonly points: number;
  readonly blend: boolean;
  readonly rungs?: readonly string[];
  readonly report?: string;
  readonly out?: string;
  readonly json: boolean;
}

/** Of which exactly one is given. */
const TARGETS = ['maxDrop', 'budgetMacs', 'budgetMs', 'latencyP95', 'risk'] as const;

const between0and1 = decimal({ above: 0, below: 1 });
const positive = decimal({ above: 0 });

/** Operating points of a policy: more than a frontier holds that can be told apart. */
const MOST_POINTS = 20;

export function withTuneOptions(command: Command): Command {
  const target = (flags: string, description: string, parse: (text: string) => number) => {
    const option = new Option(flags, description).argParser(parse);
    return option.conflicts(TARGETS.filter((name) => name !== option.attributeName()));
  };
  return withGateway(command)
    .addOption(new Option('--cascade <name>', 'cascade').env('SLUICE_CASCADE').makeOptionMandatory())
    .requiredOption(
      '--data <dir>',
      'one folder a class, named by label, wnid or index; or pictures and no folders: agreement with the full network is the quality',
    )
    .addOption(new Option('--limit <n>', 'only the first n pictures of each class').argParser(whole(1, 1_000_000_000)))
    .addOption(
      new Option('--holdout <share>', 'of the pictures that only judge, and are not solved on')
        .argParser(decimal({ least: 0, most: 0.9 }))
        .default(0),
    )
    .addOption(new Option('--test <dir>', 'pictures that only judge').conflicts('holdout'))
    .option('--record <file>', 'keep what every exit says here; default: sluice/ in $XDG_CACHE_HOME or ~/.cache')
    .option('--no-record', 'keep nothing on disk')
    .addOption(
      new Option('--score <name>', 'what thresholds are compared with').choices(SCORES).default('max_probability'),
    )
    .addOption(
      target('--max-drop <points>', 'cheapest policy that loses at most so many points of quality: 0.5 or 0.5pt', drop),
    )
    .addOption(
      new Option(
        '--min-agreement <share>',
        'with --max-drop: of the answers so many are those of the full network, and the drop is that of top-1 alone',
      )
        .argParser(between0and1)
        .conflicts(TARGETS.filter((name) => name !== 'maxDrop')),
    )
    .addOption(
      target(
        '--budget-macs <n>',
        'best policy whose mean is at most so many multiply-accumulates',
        whole(1, Number.MAX_SAFE_INTEGER),
      ),
    )
    .addOption(target('--budget-ms <ms>', 'best policy whose mean is at most so many ms of inference', positive))
    .addOption(
      target('--latency-p95 <ms>', 'best policy that needs so many ms of inference for 95 % of the pictures', positive),
    )
    .addOption(
      target(
        '--risk <share>',
        'cheapest policy of whose answers at most this share differs from the full network, guaranteed',
        between0and1,
      ),
    )
    .addOption(
      new Option('--confidence <share>', 'probability that the promise of --risk is kept')
        .argParser(between0and1)
        .default(0.95),
    )
    .addOption(
      new Option('--cost <unit>', 'what "cheapest" means with --max-drop and --risk; 8-bit rungs save only ms')
        .choices(['macs', 'ms'])
        .conflicts(['budgetMacs', 'budgetMs', 'latencyP95']),
    )
    .addOption(
      new Option('--points <n>', 'operating points to write, from the chosen one down to the cheapest')
        .argParser(whole(1, MOST_POINTS))
        .default(1),
    )
    .addOption(
      new Option('--rungs <list>', 'only these, for example slimnet/0.5@32,slimnet/1@32; default: all').argParser(list),
    )
    .option('--blend', 'let exits speak together with the last exit of the rung before, where that helps', false)
    .option('--report <dir>', 'write report.md and its charts here')
    .option('--out <file>', 'policy file to write; what it says of other cascades is kept')
    .option('--json', 'print the report as JSON', false);
}

/** @throws UsageError unless one thing is asked for */
export function targetOf(flags: TuneFlags): Target {
  const { maxDrop, minAgreement, budgetMacs, budgetMs, latencyP95, risk, confidence } = flags;
  if (maxDrop === undefined && minAgreement !== undefined)
    throw new UsageError('--min-agreement: goes with --max-drop');
  if (maxDrop !== undefined) return { maxDrop, ...(minAgreement === undefined ? {} : { minAgreement }) };
  if (budgetMacs !== undefined) return { budgetMacs };
  if (budgetMs !== undefined) return { budgetMs };
  if (latencyP95 !== undefined) return { latencyP95Ms: latencyP95 };
  if (risk !== undefined) return { risk, confidence };
  throw new UsageError('say what to reach: --max-drop, --budget-macs, --budget-ms, --latency-p95 or --risk');
}

/** @returns a share of one */
function drop(text: string): number {
  const value = Number(text.replace(/pt$/, ''));
  if (!/^\d+(\.\d+)?(pt)?$/.test(text) || value > 100) throw new InvalidArgumentError('allowed: points from 0 to 100.');
  return value / 100;
}

function list(text: string): string[] {
  return text.split(',').map((id) => id.trim());
}
