/** What reloads cost who is served meanwhile: failed requests, and the event-loop delay of the gateway, with and without them. */

import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import sharp from 'sharp';
import { GatewayProcess, type LoopDelay, ROOT } from './support/gateway.js';

export const usage = `Usage: npm run bench -- reload [options]

  --reloads <n>   changes of a policy under load (200)
  --callers <n>   that ask without a pause (16)
`;

/** Of calls before the first measurement. */
const WARM_MS = 2000;

interface Phase {
  readonly requests: number;
  readonly failed: number;
  readonly delay: LoopDelay;
}

/** All callers ask until `work` is done. */
async function phase(gateway: GatewayProcess, callers: number, work: () => Promise<void>): Promise<Phase> {
  const body = new Uint8Array(
    await sharp({ create: { width: 32, height: 32, channels: 3, background: '#a06030' } })
      .jpeg()
      .toBuffer(),
  );
  await gateway.loopDelay();
  let over = false;
  let requests = 0;
  let failed = 0;
  const caller = async () => {
    while (!over) {
      const response = await fetch(`http://127.0.0.1:${gateway.port}/v1/classify`, { method: 'POST', body });
      await response.arrayBuffer();
      requests++;
      if (response.status !== 200) failed++;
    }
  };
  const asking = Array.from({ length: callers }, caller);
  try {
    await work();
  } finally {
    over = true;
    await Promise.allSettled(asking);
  }
  await Promise.all(asking);
  return { requests, failed, delay: await gateway.loopDelay() };
}

/** @throws Error when one was refused */
async function accepted(gateway: GatewayProcess): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${gateway.port}/metrics`)).text();
  const count = (result: string) =>
    Number(new RegExp(`^sluice_policy_reloads_total\\{result="${result}"\\} (\\d+)$`, 'm').exec(text)![1]);
  if (count('rejected') > 0) throw new Error('a reload was refused: see GET /v1/policies');
  return count('accepted');
}

async function reload(gateway: GatewayProcess, change: () => Promise<unknown>): Promise<void> {
  const before = await accepted(gateway);
  await change();
  process.kill(gateway.pid, 'SIGHUP');
  while ((await accepted(gateway)) === before) await sleep(5);
}

export async function run(args: readonly string[]): Promise<number> {
  const options = { reloads: { type: 'string', default: '200' }, callers: { type: 'string', default: '16' } } as const;
  const { values } = parseArgs({ args: [...args], options });
  const number = (name: keyof typeof values) => {
    const value = Number(values[name]);
    if (!(Number.isInteger(value) && value > 0)) throw new RangeError(`--${name}: allowed are whole numbers above 0`);
    return value;
  };
  const [reloads, callers] = [number('reloads'), number('callers')];
  const root = await mkdtemp(join(tmpdir(), 'sluice-bench-'));
  const [models, policies] = [join(root, 'models'), join(root, 'policies')];
  await cp(join(ROOT, 'models', 'cifar10'), join(models, 'cifar10'), { recursive: true });
  await mkdir(policies);
  const change = (round: number) => writeFile(join(policies, 'full.yaml'), `kind: full\ndescription: "${round}"\n`);
  await change(0);
  const flags = ['--models', models, '--policies', policies, '--policy', 'full', '--no-watch'];
  const gateway = await GatewayProcess.start(ROOT, flags);
  try {
    // Cold code would be in the first phase only.
    await phase(gateway, callers, () => sleep(WARM_MS));
    let seconds = 0;
    const changed = await phase(gateway, callers, async () => {
      const from = performance.now();
      for (let round = 1; round <= reloads; round++) await reload(gateway, () => change(round));
      seconds = (performance.now() - from) / 1000;
    });
    // The questions by which the end of a reload is seen cost something too: they are asked here as well.
    const quiet = await phase(gateway, callers, async () => {
      for (const from = performance.now(); performance.now() - from < 1000 * seconds; await sleep(5))
        await accepted(gateway);
    });
    const swapped = await phase(gateway, callers, () =>
      reload(gateway, () => cp(join(models, 'cifar10'), join(models, 'copied'), { recursive: true })),
    );
    const row = (name: string, { requests, failed, delay }: Phase) => {
      const ms = [delay.p50, delay.p99, delay.max].map((each) => each.toFixed(1).padStart(8));
      return `${name.padEnd(34)}${String(requests).padStart(9)}${String(failed).padStart(8)}${ms.join('')}`;
    };
    process.stdout.write(
      `${[
        `${''.padEnd(34)} requests  failed  loop delay ms: p50, p99, max`,
        row('no reload', quiet),
        row(`${reloads} reloads of a policy, ${seconds.toFixed(1)} s`, changed),
        row('one change of models', swapped),
      ].join('\n')}\n`,
    );
    return changed.failed + quiet.failed + swapped.failed === 0 ? 0 : 1;
  } finally {
    await gateway.stop();
    await rm(root, { recursive: true });
  }
}
