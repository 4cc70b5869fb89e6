/** sluice evaluate: quality and cost of a policy on a labelled folder, through the same lanes that serve. */

import { type Command, Option } from 'commander';
import type { ClassifyResult, Gateway } from '../gateway/gateway.js';
import type { Service } from '../policy/service.js';
import { print, UsageError } from './fail.js';
import { eachPicture, type LabelledPicture, listPictures, picturesInFlight } from './labelled.js';
import { openGateway } from './open.js';
import { type GatewayFlags, whole, withGateway } from './options.js';

interface EvaluateFlags extends GatewayFlags {
  cascade: string;
  policy: string;
  point?: string;
  data: string;
  limit?: number;
  json: boolean;
}

export interface Evaluation {
  readonly cascade: string;
  readonly policy: string;
  readonly point?: string;
  readonly images: number;
  readonly failed: number;
  readonly top1: number;
  readonly top5: number;
  readonly mean_macs: number;
  readonly full_macs: number;
  readonly ratio: number;
  /** Share whose top-1 equals the full network's. */
  readonly agreement: number;
  readonly full_top1: number;
  /** How many left where, by `backbone/width@resolution#exit`. */
  readonly exits: Readonly<Record<string, number>>;
  readonly reasons: Readonly<Record<string, number>>;
}

export function evaluateCommand(program: Command): void {
  withGateway(program.command('evaluate').description('measure a policy on labelled pictures'))
    .addOption(new Option('--cascade <name>', 'cascade').env('SLUICE_CASCADE').makeOptionMandatory())
    .addOption(new Option('--policy <name>', 'policy').env('SLUICE_POLICY').default('balanced'))
    .option('--point <name>', 'operating point of the policy; default: its first')
    .requiredOption('--data <dir>', 'one folder a class, named by label, wnid or index')
    .addOption(new Option('--limit <n>', 'only the first n pictures of each class').argParser(whole(1, 1_000_000_000)))
    .option('--json', 'print the report as JSON', false)
    .action(evaluate);
}

async function evaluate(flags: EvaluateFlags): Promise<void> {
  const inFlight = picturesInFlight(flags.lanes);
  const gateway = await openGateway({ ...flags, queue: 2 * inFlight });
  try {
    await gateway.start();
    const service = gateway.service(flags.cascade, flags.policy);
    checkPoint(service, flags.point);
    const cascade = gateway.cascades.find(({ name }) => name === service.cascade)!;
    const pictures = await listPictures(flags.data, cascade, flags.limit);
    const report = await run(gateway, flags, pictures, inFlight);
    if (flags.json) print(JSON.stringify(report, null, 2));
    else printReport(report);
    if (report.failed > 0) process.exitCode = 1;
  } finally {
    await gateway.close();
  }
}

/** A typo is said once, not once a picture. */
function checkPoint({ policy, points }: Service, wanted: string | undefined): void {
  const known = points.flatMap(({ point }) => point ?? []);
  if (wanted === undefined || known.includes(wanted)) return;
  throw new UsageError(`--point: found "${wanted}"; ${policy} has: ${known.join(', ') || 'no points'}`);
}

async function run(
  gateway: Gateway,
  flags: EvaluateFlags,
  pictures: readonly LabelledPicture[],
  inFlight: number,
): Promise<Evaluation> {
  const exits: Record<string, number> = {};
  const reasons: Record<string, number> = {};
  const sum = { images: 0, top1: 0, top5: 0, macs: 0, agree: 0, fullTop1: 0, fullMacs: 0 };
  const count = (label: number, result: ClassifyResult, full: ClassifyResult) => {
    const { answer, cascade } = result;
    const guess = answer.top[0]!.index;
    const exit = `${cascade.rungs[answer.rung]!.id}#${answer.exit}`;
    exits[exit] = (exits[exit] ?? 0) + 1;
    reasons[answer.reason] = (reasons[answer.reason] ?? 0) + 1;
    sum.images++;
    sum.top1 += Number(guess === label);
    sum.top5 += Number(answer.top.some(({ index }) => index === label));
    sum.macs += answer.macs;
    sum.fullMacs = result.fullMacs;
    sum.agree += Number(guess === full.answer.top[0]!.index);
    sum.fullTop1 += Number(full.answer.top[0]!.index === label);
  };
  const failed = await eachPicture(pictures, inFlight, async (image, label) => {
    const ask = (policy: string, point?: string) =>
      gateway.classify({
        image,
        cascade: flags.cascade,
        policy,
        point,
        top: 5,
        explain: false,
        deadlineAt: Number.POSITIVE_INFINITY,
      });
    const result = await ask(flags.policy, flags.point);
    count(label, result, flags.policy === 'full' ? result : await ask('full'));
  });
  const share = (n: number) => Number((n / Math.max(1, sum.images)).toFixed(4));
  return {
    cascade: flags.cascade,
    policy: flags.policy,
    ...(flags.point === undefined ? {} : { point: flags.point }),
    images: sum.images,
    failed,
    top1: share(sum.top1),
    top5: share(sum.top5),
    mean_macs: Math.round(sum.macs / Math.max(1, sum.images)),
    full_macs: sum.fullMacs,
    ratio: Number((sum.macs / Math.max(1, sum.images * sum.fullMacs)).toFixed(4)),
    agreement: share(sum.agree),
    full_top1: share(sum.fullTop1),
    exits: Object.fromEntries(Object.entries(exits).sort()),
    reasons,
  };
}

function printReport(report: Evaluation): void {
  const percent = (x: number) => `${(100 * x).toFixed(2)} %`;
  print(
    `${report.cascade}, policy ${report.policy}${report.point === undefined ? '' : `, point ${report.point}`}: ${report.images} pictures, ${report.failed} failed`,
  );
  print(`  top-1      ${percent(report.top1)}   (full network: ${percent(report.full_top1)})`);
  print(`  top-5      ${percent(report.top5)}`);
  print(`  agreement  ${percent(report.agreement)} with the full network`);
  print(
    `  cost       ${(report.mean_macs / 1e6).toFixed(2)} of ${(report.full_macs / 1e6).toFixed(2)} million MACs: ratio ${report.ratio}`,
  );
  for (const [exit, images] of Object.entries(report.exits))
    print(`  ${exit.padEnd(24)} ${String(images).padStart(7)} left here`);
}
