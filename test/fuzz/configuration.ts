/** Mutated policies and cascades: each is taken or refused with a ConfigError, never anything else. */

import { readFile } from 'node:fs/promises';
import type { Cascade } from '../../src/cascade/cascade.js';
import { Manifest } from '../../src/cascade/manifest.js';
import { parseYaml } from '../../src/config-file.js';
import { ConfigError } from '../../src/errors.js';
import { fit } from '../../src/policy/check.js';
import { PolicyFile } from '../../src/policy/schema.js';
import { MODELS, POLICIES } from '../support/gateway.js';
import { mutatedText } from './mutate.js';
import { Random } from './random.js';

export interface ConfigurationReport {
  readonly taken: number;
  readonly refused: number;
  /** What was thrown that is no ConfigError, with the text. */
  readonly crashes: readonly { readonly error: string; readonly text: string }[];
}

/** @param cascades that policies are held against */
export async function fuzzConfiguration(
  seed: number,
  count: number,
  cascades: readonly Cascade[],
): Promise<ConfigurationReport> {
  const policies = await Promise.all(
    ['balanced', 'fast', 'full', 'adaptive'].map((name) => readFile(`${POLICIES}/${name}.yaml`, 'utf8')),
  );
  const manifest = await readFile(`${MODELS}/cifar10/cascade.yaml`, 'utf8');
  const crashes: { error: string; text: string }[] = [];
  let taken = 0;
  let refused = 0;
  for (let index = 0; index < count; index++) {
    const random = new Random(Math.imul(seed, 0x85ebca6b) + index);
    const isPolicy = random.chance(0.75);
    const text = mutatedText(isPolicy ? random.pick(policies) : manifest, random);
    const file = `fuzz-${index}.yaml`;
    try {
      if (isPolicy) {
        const policy = parseYaml(PolicyFile, text, file);
        const { errors } = fit([{ name: 'fuzz', file, version: '1', policy }], cascades);
        if (errors.length > 0) throw errors[0];
      } else parseYaml(Manifest, text, file);
      taken++;
    } catch (error) {
      if (error instanceof ConfigError) refused++;
      else crashes.push({ error: String((error as Error).stack ?? error), text });
    }
  }
  return { taken, refused, crashes };
}
