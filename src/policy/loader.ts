/** Reads policies/*.yaml. A broken one is reported and left out. */

import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { parseYaml } from '../config-file.js';
import { ConfigError } from '../errors.js';
import { PolicyFile } from './schema.js';

export interface NamedPolicy {
  readonly name: string;
  readonly file: string;
  /** First 12 hexadecimal digits of the SHA-256 of the file. */
  readonly version: string;
  readonly policy: PolicyFile;
}

export interface Policies {
  readonly policies: readonly NamedPolicy[];
  readonly broken: readonly ConfigError[];
}

/** @throws ConfigError when the directory itself cannot be read */
export async function loadPolicies(directory: string): Promise<Policies> {
  const files = await readdir(directory).catch((error: NodeJS.ErrnoException) => {
    throw new ConfigError(directory, '', `the policies cannot be read: ${error.code}`);
  });
  const policies: NamedPolicy[] = [];
  const broken: ConfigError[] = [];
  for (const file of files.filter((f) => /\.ya?ml$/.test(f)).sort()) {
    const path = join(directory, file);
    const name = basename(file).replace(/\.ya?ml$/, '');
    try {
      const twin = policies.find((policy) => policy.name === name);
      if (twin !== undefined) throw new ConfigError(path, '', `${basename(twin.file)} has the same name, ${name}`);
      const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
        throw new ConfigError(path, '', `cannot be read: ${error.code}`);
      });
      const policy = parseYaml(PolicyFile, text, path);
      // Agreement is measured against it.
      if (name === 'full' && policy.kind !== 'full')
        throw new ConfigError(path, 'kind', `found "${policy.kind}"; allowed in full.yaml: "full", the static choice`);
      policies.push({ name, file: path, version: versionOf(text), policy });
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      broken.push(error);
    }
  }
  return { policies, broken };
}

function versionOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 12);
}
