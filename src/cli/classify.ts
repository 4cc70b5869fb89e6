/** sluice classify IMAGE... */

import { type Command, Option } from 'commander';
import { answerBody } from '../http/classify.js';
import { print } from './fail.js';
import { openGateway } from './open.js';
import { type GatewayFlags, whole, withGateway } from './options.js';
import { readPicture } from './picture.js';

interface ClassifyFlags extends GatewayFlags {
  cascade?: string;
  policy: string;
  top: number;
  explain: boolean;
  json: boolean;
}

export function classifyCommand(program: Command): void {
  withGateway(program.command('classify').description('answer pictures without a server'))
    .argument('<image...>', 'picture files')
    .addOption(
      new Option('--cascade <name>', 'cascade')
        .env('SLUICE_CASCADE')
        .default(undefined, 'the one whose cascade.yaml says so'),
    )
    .addOption(new Option('--policy <name>', 'policy').env('SLUICE_POLICY').default('balanced'))
    .addOption(new Option('--top <n>', 'classes to show').default(5).argParser(whole(1, 1000)))
    .option('--explain', 'show every exit that was passed', false)
    .option('--json', 'one JSON object a line, as the HTTP answer; id is the file', false)
    .action(classify);
}

async function classify(images: string[], flags: ClassifyFlags): Promise<void> {
  const gateway = await openGateway({ ...flags, lanes: 1, queue: images.length });
  try {
    await gateway.start();
    // A typo is said once, not once a picture.
    gateway.service(flags.cascade, flags.policy);
    let failed = 0;
    for (const file of images) {
      try {
        print(await classifyOne(gateway, file, flags));
      } catch (error) {
        failed++;
        process.stderr.write(`sluice: ${file}: ${(error as Error).message}\n`);
      }
    }
    if (failed > 0) process.exitCode = 1;
  } finally {
    await gateway.close();
  }
}

async function classifyOne(
  gateway: Awaited<ReturnType<typeof openGateway>>,
  file: string,
  flags: ClassifyFlags,
): Promise<string> {
  const image = await readPicture(file);
  const { cascade, policy, top, explain } = flags;
  const result = await gateway.classify({ image, cascade, policy, top, explain, deadlineAt: Number.POSITIVE_INFINITY });
  const body = answerBody(file, result);
  if (flags.json) return JSON.stringify(body);
  const { route, cost } = body;
  const lines = body.predictions.map((p) => `  ${(100 * p.probability).toFixed(1).padStart(5)} %  ${p.label}`);
  const steps = (route.steps ?? []).map(
    (s) =>
      `  ${s.backbone} width ${s.width} at ${s.resolution} px, exit ${s.exit}: score ${s.score.toFixed(3)}, ${s.threshold === null ? 'no threshold' : `threshold ${s.threshold}`}${s.exited ? ', left here' : ''}`,
  );
  const where = `${route.backbone} width ${route.width} at ${route.resolution} px, exit ${route.exit} (${route.reason})`;
  return [`${file}: ${where}, ${(100 * cost.ratio).toFixed(0)} % of the full cost`, ...lines, ...steps].join('\n');
}
