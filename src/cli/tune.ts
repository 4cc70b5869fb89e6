/** sluice tune: chooses a route, its thresholds and its rule of entry on recorded pictures, and writes them as a policy. */

import type { Command } from 'commander';
import { ConfigError } from '../errors.js';
import { namesOf } from '../tune/ladder.js';
import { checkPolicyFile, pointsFile, type RuleFile, routeFile, writePolicy } from '../tune/policy-file.js';
import { split, type TuneRecord } from '../tune/record.js';
import { LISTED } from '../tune/record-file.js';
import { writeReport } from '../tune/report/write.js';
import { leastPictures } from '../tune/risk.js';
import { type Solution, solve, type Unmet, type Wish } from '../tune/solve.js';
import { print, progress, UsageError } from './fail.js';
import { recordPictures } from './record.js';
import { type TuneFlags, targetOf, withTuneOptions } from './tune-options.js';
import { printReport, reportOf } from './tune-report.js';

export function tuneCommand(program: Command): void {
  withTuneOptions(program.command('tune').description('choose a route and its thresholds on pictures')).action(tune);
}

async function tune(flags: TuneFlags): Promise<void> {
  const target = targetOf(flags);
  const { cascade, score, out } = flags;
  // What cannot be written is told before the work, not after it.
  if (out !== undefined) await checkPolicyFile(out, cascade, score);
  const { seen, heldOut, failed } = await picturesOf(flags);
  checkRungs(seen, flags.rungs);
  if ('risk' in target) {
    const { classes } = seen.rungs[0]!.exits[0]!.top!;
    if (flags.blend && classes > LISTED) {
      const found = `found with --risk and ${classes} classes, of which the record lists ${LISTED}: what exits say together is not told exactly`;
      throw new UsageError(`--blend: ${found}; allowed: one of the two`);
    }
    const least = 2 * leastPictures(target.risk, target.confidence);
    if (seen.labels.length < least)
      throw new UsageError(`--risk: found ${seen.labels.length} pictures; so small a risk needs at least ${least}`);
  }
  const wish: Wish = {
    score,
    target,
    points: flags.points,
    blend: flags.blend,
    ...(flags.cost === undefined ? {} : { cost: flags.cost }),
    ...(flags.rungs === undefined ? {} : { rungs: flags.rungs }),
  };
  const solution = solve(seen, wish, (done, of) => progress(`${done} of ${of} routes`));
  progress('');
  if ('cheapest' in solution) throw new UsageError(tooLittle(flags, solution, seen.labelled));
  const rule = ruleOf(solution, flags, seen.labelled);
  const report = reportOf(seen, heldOut, failed, solution, rule);
  if (flags.json) print(JSON.stringify(report, null, 2));
  else printReport(report);
  if (flags.report !== undefined) {
    await writeReport(flags.report, seen, heldOut, solution);
    if (!flags.json) print(`report in ${flags.report}`);
  }
  if (out !== undefined) {
    const dropped = await writePolicy(out, cascade, score, rule);
    if (dropped.length > 0) {
      const keys = dropped.map((key) => `cascades.${cascade}.${key}`).join(', ');
      process.stderr.write(`sluice: ${out}: not kept, as tune does not solve for it: ${keys}\n`);
    }
    if (!flags.json) print(`written to ${out}`);
  }
  if (failed > 0) process.exitCode = 1;
}

/** The pictures to solve on, and those that only judge. */
async function picturesOf(
  flags: TuneFlags,
): Promise<{ readonly seen: TuneRecord; readonly heldOut: TuneRecord | undefined; readonly failed: number }> {
  const { record, failed } = await recordPictures(flags, flags.data);
  const test = flags.test === undefined ? undefined : await recordPictures(flags, flags.test);
  const [seen, rest] = split(record, 1 - flags.holdout);
  const all = record.labels.length;
  if (flags.holdout > 0 && all > 0 && (seen.labels.length === 0 || rest.labels.length === 0)) {
    const left = rest.labels.length === 0 ? 'none to judge on' : 'none to solve on';
    throw new UsageError(
      `--holdout: found ${flags.holdout} of ${all} pictures, which leaves ${left}; allowed: a share of at least one of either`,
    );
  }
  const heldOut = test?.record ?? (rest.labels.length === 0 ? undefined : rest);
  for (const [each, data] of [[seen, flags.data] as const, [heldOut, flags.test ?? flags.data] as const])
    if (each?.labels.length === 0) throw new ConfigError(data, '', 'none of its pictures could be answered');
  if (heldOut !== undefined && heldOut.labelled !== seen.labelled)
    throw new UsageError('--test: found a folder of the other kind; allowed: class folders in both, or in none');
  return { seen, heldOut, failed: failed + (test?.failed ?? 0) };
}

function checkRungs(record: TuneRecord, wanted: readonly string[] = []): void {
  const known = record.rungs.map(({ id }) => id);
  const stray = wanted.find((id) => !known.includes(id));
  if (stray !== undefined)
    throw new UsageError(`--rungs: found "${stray}"; ${record.cascade} has: ${known.join(', ')}`);
}

function tooLittle(
  { budgetMacs, budgetMs, latencyP95 }: TuneFlags,
  { full, cheapest: { outcome: cheapest }, closest: { outcome: closest } }: Unmet,
  labelled: boolean,
): string {
  // Rounded up: what is said must work.
  const ms = (value: number) => Math.ceil(value * 1000) / 1000;
  if (budgetMacs !== undefined)
    return `no route is so cheap: --budget-macs must be at least ${Math.ceil(cheapest.macs)}`;
  if (budgetMs !== undefined) return `no route is so cheap: --budget-ms must be at least ${ms(cheapest.ms)}`;
  if (latencyP95 !== undefined) return `no route is so fast: --latency-p95 must be at least ${ms(cheapest.p95Ms)}`;
  const percent = (share: number) => (100 * share).toFixed(2);
  const lost = labelled ? `loses ${percent(full.outcome.top1 - closest.top1)} points of top-1 and ` : '';
  return `--rungs: no route of these is so close to the full network: the closest ${lost}agrees with it on ${percent(closest.agreement)} %`;
}

function ruleOf({ points, full, guarantee }: Solution, flags: TuneFlags, labelled: boolean): RuleFile {
  const rule =
    flags.points === 1 ? routeFile(points[0]!) : pointsFile(points, namesOf(points, full.outcome.macs), labelled);
  return guarantee === undefined ? rule : { ...rule, guarantee };
}
