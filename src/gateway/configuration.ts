/** The two folders that an operator writes: models/ and policies/, as they are at one moment. */

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Cascade } from '../cascade/cascade.js';
import { loadRepository, type Repository } from '../cascade/loader.js';
import { ConfigError } from '../errors.js';
import { cascadeOfFile } from '../policy/check.js';
import { loadPolicies, type NamedPolicy, type Policies } from '../policy/loader.js';
import type { Candidate } from './catalog.js';
import type { ModelStore } from './model-store.js';

export interface Folders {
  readonly models: string;
  readonly policies: string;
}

/** Both folders; what is broken in them is named in them, not thrown. */
export interface Configuration {
  readonly models: Repository;
  readonly policies: Policies;
}

/** @throws ConfigError when the folder itself cannot be read, StartError when copies cannot be written */
export async function readModels(folder: string, store?: ModelStore): Promise<Repository> {
  const repository = await loadRepository(folder);
  if (store === undefined) return repository;
  const cascades: Cascade[] = [];
  const broken = [...repository.broken];
  for (const cascade of repository.cascades) {
    try {
      cascades.push(await store.keep(cascade));
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      broken.push(error);
    }
  }
  return { cascades, broken };
}

/** All cascades of the folder in its order, also those that are broken: which one is the default is not for a mistake to say. */
export async function candidatesIn(folder: string, { cascades, broken }: Repository): Promise<readonly Candidate[]> {
  const names = new Set(broken.map(({ file }) => cascadeOfFile(folder, file)));
  const lost = [...names].map(async (name) => ({ name, isDefault: await saysDefault(folder, name) }));
  return [...cascades, ...(await Promise.all(lost))].sort((a, b) => a.name.localeCompare(b.name));
}

/** By its text, as the rest of it may be no YAML. One that cannot be read may say so. */
async function saysDefault(folder: string, name: string): Promise<boolean> {
  const text = await readFile(join(folder, name, 'cascade.yaml'), 'utf8').catch(() => 'default: true');
  return /^[^#\n]*\bdefault["']?\s*:\s*true\b/im.test(text);
}

/** @throws ConfigError when the folder itself cannot be read */
export async function readPolicies(folder: string): Promise<Policies> {
  const { policies, broken } = await loadPolicies(folder);
  return { policies: withFull(policies), broken };
}

export async function readConfiguration(folders: Folders, store?: ModelStore): Promise<Configuration> {
  // Policies are parsed while models are copied.
  const [models, policies] = await Promise.all([readModels(folders.models, store), readPolicies(folders.policies)]);
  return { models, policies };
}

/** The static choice is always there: agreement is measured against it. */
function withFull(policies: readonly NamedPolicy[]): readonly NamedPolicy[] {
  if (policies.some(({ name }) => name === 'full')) return policies;
  return [
    ...policies,
    {
      name: 'full',
      file: 'built in',
      version: 'built-in',
      policy: { kind: 'full', description: 'the last rung to its last exit' },
    },
  ];
}
