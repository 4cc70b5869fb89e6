/** What all sections of the benchmark share: a gateway for each number of lanes, on folders that this may write to. */

import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { loadRepository } from '../../src/cascade/loader.js';
import { loadPolicies } from '../../src/policy/loader.js';
import { plansFor } from '../../src/policy/plan.js';
import { Child } from '../support/child.js';
import { GatewayProcess, ROOT } from '../support/gateway.js';
import type { LoadAnswer, LoadRequest } from '../support/load.js';
import { type Depth, depthsOf } from './depths.js';

export interface Workshop extends AsyncDisposable {
  /** By number of lanes. */
  readonly gateways: ReadonlyMap<number, GatewayProcess>;
  readonly load: Child<LoadRequest, LoadAnswer>;
  readonly folders: { readonly models: string; readonly policies: string };
  /** That is measured, and all that are served. */
  readonly cascade: string;
  readonly names: readonly string[];
  readonly depths: readonly Depth[];
}

interface Wanted {
  readonly cascade?: string | undefined;
  readonly lanes: readonly number[];
  readonly walk: readonly string[];
}

export async function openWorkshop(wanted: Wanted): Promise<Workshop> {
  const root = await mkdtemp(join(tmpdir(), 'sluice-scaling-'));
  const folders = { models: join(root, 'models'), policies: join(root, 'policies') };
  const gateways = new Map<number, GatewayProcess>();
  const load = new Child<LoadRequest, LoadAnswer>('./load.ts');
  const close = async () => {
    load[Symbol.dispose]();
    for (const gateway of gateways.values()) await gateway.stop();
    await rm(root, { recursive: true });
  };
  try {
    await cp(join(ROOT, 'policies'), folders.policies, { recursive: true });
    await mkdir(folders.models);
    const { cascades } = await loadRepository(join(ROOT, 'models'));
    for (const { name } of cascades) await symlink(join(ROOT, 'models', name), join(folders.models, name));
    const standard = cascades.find(({ isDefault }) => isDefault) ?? cascades[0];
    const cascade = wanted.cascade === undefined ? standard : cascades.find(({ name }) => name === wanted.cascade);
    const names = cascades.map(({ name }) => name);
    if (cascade === undefined) throw new RangeError(`--cascade: allowed are ${names.join(', ')}`);
    const { policies } = await loadPolicies(folders.policies);
    const depths = wanted.walk.flatMap((name) => {
      const policy = policies.find((each) => each.name === name);
      const plan = policy && plansFor(policy, cascade)[0];
      if (plan === undefined) throw new RangeError(`--walk: ${name} is no policy of ${cascade.name}`);
      return depthsOf(plan, cascade);
    });
    for (const { name, policy } of depths) await writeFile(join(folders.policies, `${name}.yaml`), stringify(policy));
    const flags = ['--models', folders.models, '--policies', folders.policies, '--no-watch'];
    for (const lanes of wanted.lanes)
      gateways.set(lanes, await GatewayProcess.start(ROOT, [...flags, '--lanes', String(lanes)]));
    return { gateways, load, folders, cascade: cascade.name, names, depths, [Symbol.asyncDispose]: close };
  } catch (error) {
    await close();
    throw error;
  }
}
