/** How long a change on disk takes until it is served, on a gateway that has nothing else to do. */

import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseDocument } from 'yaml';
import type { GatewayProcess } from '../support/gateway.js';
import { ROOT } from '../support/gateway.js';

/** The answer of the gateway has the time of its last reload, so that looking for it often is not needed. */
const LOOK_MS = 20;
const PATIENCE_MS = 120_000;

export interface ReloadTimes {
  /** Another text of a policy. */
  readonly policyMs: number;
  /** One more cascade, by which: lanes that hold all of them have started and warmed up. */
  readonly models: Readonly<Record<string, number>>;
}

/** @param folders that the gateway serves and this may write to; it does not watch them */
export async function measureReloads(
  gateway: GatewayProcess,
  folders: { readonly models: string; readonly policies: string },
  cascades: readonly string[],
): Promise<ReloadTimes> {
  const changed = join(folders.policies, 'changed.yaml');
  const policyMs = await reloadMs(gateway, () =>
    writeFile(changed, `kind: full\ndescription: "${Date.now()}, a change"\n`),
  );
  const models: Record<string, number> = {};
  for (const name of cascades) {
    const twin = join(folders.models, `${name}-twin`);
    models[name] = await reloadMs(gateway, () => copied(name, twin));
    await reloadMs(gateway, () => rm(twin, { recursive: true }));
  }
  return { policyMs, models };
}

/** From SIGHUP until it is served. */
async function reloadMs(gateway: GatewayProcess, change: () => Promise<void>): Promise<number> {
  const before = (await lastOf(gateway))?.at;
  await change();
  const from = Date.now();
  process.kill(gateway.pid, 'SIGHUP');
  while (Date.now() - from < PATIENCE_MS) {
    const last = await lastOf(gateway);
    if (last !== null && last.at !== before) {
      if (last.result !== 'accepted') throw new Error(`a change was refused: ${JSON.stringify(last)}`);
      return Date.parse(last.at) - from;
    }
    await sleep(LOOK_MS);
  }
  throw new Error(`a change was not served within ${PATIENCE_MS} ms`);
}

async function lastOf(gateway: GatewayProcess): Promise<{ at: string; result: string } | null> {
  return (await gateway.get<{ reload: { at: string; result: string } | null }>('/v1/policies')).reload;
}

/** One cascade only may be the default. */
async function copied(name: string, twin: string): Promise<void> {
  await cp(join(ROOT, 'models', name), twin, { recursive: true });
  const file = join(twin, 'cascade.yaml');
  const manifest = parseDocument(await readFile(file, 'utf8'));
  manifest.delete('default');
  await writeFile(file, manifest.toString());
}
