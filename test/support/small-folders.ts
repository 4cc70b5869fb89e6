/** Models and policies of the small cascade alone: its lanes are warm soon. */

import { rmSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseDocument } from 'yaml';
import { MODELS, POLICIES } from './gateway.js';

/** The package's policies, of which only what they say of cifar10: a policy for a cascade that is not there is an error. */
export async function copyPolicies(folder: string): Promise<void> {
  await mkdir(folder);
  for (const file of (await readdir(POLICIES)).filter((name) => name.endsWith('.yaml'))) {
    const document = parseDocument(await readFile(join(POLICIES, file), 'utf8'));
    const others = Object.keys(document.toJS().cascades ?? {}).filter((name) => name !== 'cifar10');
    for (const name of others) document.deleteIn(['cascades', name]);
    await writeFile(join(folder, file), document.toString());
  }
}

const folder = await mkdtemp(join(tmpdir(), 'sluice-small-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
await mkdir(join(folder, 'models'));
await symlink(join(MODELS, 'cifar10'), join(folder, 'models', 'cifar10'));
await copyPolicies(join(folder, 'policies'));

/** Flags that have `sluice serve` serve it; the folders are not to be written to. */
export const SMALL = ['--models', join(folder, 'models'), '--policies', join(folder, 'policies')];
/** Flags that have it serve what the package does. */
export const WHOLE = ['--models', MODELS, '--policies', POLICIES];
