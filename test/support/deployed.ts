/** A gateway on folders that a test deploys into, with what `sluice serve` puts around it. */

import { cp, mkdir, mkdtemp, readlink, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readConfiguration } from '../../src/gateway/configuration.js';
import type { GatewayOptions } from '../../src/gateway/gateway.js';
import { ModelStore } from '../../src/gateway/model-store.js';
import { Reloader, shownError } from '../../src/gateway/reload.js';
import { createApp } from '../../src/http/app.js';
import { MODELS, startGateway, type TestGateway } from './gateway.js';
import { copyPolicies } from './small-folders.js';

/** Thresholds of the policy `balanced` as this version of it has them. */
export function balancedWith(threshold: number): string {
  return `kind: threshold
cascades:
  cifar10:
    route:
      - { rung: slimnet/0.5@24, thresholds: [${threshold}, ${threshold}, ${threshold}, ${threshold}] }
      - { rung: slimnet/1@32, thresholds: [${threshold}, ${threshold}, ${threshold}, null] }
`;
}

export interface Deployed extends TestGateway {
  readonly models: string;
  readonly policies: string;
  readonly reloader: Reloader;
  /** Writes a file of policies/. */
  write(name: string, text: string): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export async function deploy(options: Partial<GatewayOptions> = {}): Promise<Deployed> {
  const root = await mkdtemp(join(tmpdir(), 'sluice-deployed-'));
  const folders = { models: join(root, 'models'), policies: join(root, 'policies') };
  await cp(join(MODELS, 'cifar10'), join(folders.models, 'cifar10'), { recursive: true });
  await copyPolicies(folders.policies);
  const store = await ModelStore.open();
  const started = await readConfiguration(folders, store);
  const { cascades } = started.models;
  const served = await startGateway({ cascades, policies: started.policies.policies, ...options });
  const reloader = new Reloader(served.gateway, folders, store, started, {
    reloaded: (report) => served.deps.metrics.reloaded(report),
  });
  const lastReload = () =>
    reloader.last && { ...reloader.last, errors: reloader.last.errors.map((error) => shownError(error, folders)) };
  return {
    ...served,
    ...folders,
    app: createApp({ ...served.deps, lastReload }),
    reloader,
    write: (name, text) => writeFile(join(folders.policies, name), text),
    [Symbol.asyncDispose]: async () => {
      reloader.close();
      await served.gateway.close();
      store.close();
      await rm(root, { recursive: true });
    },
  };
}

/** Lays a folder out as Kubernetes mounts a ConfigMap, and swaps its `..data` as an update does. */
export async function mountConfigMap(folder: string, at: string, files: Readonly<Record<string, string>>) {
  const before = await readlink(join(folder, '..data')).catch(() => undefined);
  await mkdir(join(folder, at), { recursive: true });
  for (const [name, text] of Object.entries(files)) {
    await writeFile(join(folder, at, name), text);
    await symlink(join('..data', name), join(folder, name)).catch(() => {});
  }
  await symlink(at, join(folder, '..data_tmp'));
  await rename(join(folder, '..data_tmp'), join(folder, '..data'));
  if (before !== undefined) await rm(join(folder, before), { recursive: true });
}
