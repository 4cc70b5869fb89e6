/** sluice validate: says offline what the gateway would say at its start. */

import type { Command } from 'commander';
import { loadRepository } from '../cascade/loader.js';
import { countRungMacs } from '../cascade/onnx/macs.js';
import { ConfigError } from '../errors.js';
import { readKeys, unknownNames } from '../http/keys-file.js';
import { loadSessions } from '../lane/loaded.js';
import { findings } from '../policy/check.js';
import { loadPolicies } from '../policy/loader.js';
import { print } from './fail.js';
import { type GatewayFlags, withGateway } from './options.js';

export function validateCommand(program: Command): void {
  withGateway(program.command('validate').description('check the models and policies: schema, files, graphs, names'))
    .option('--keys <file>', 'also check this file of API keys (docs/admission.md)')
    .option('--json', 'print the findings as JSON', false)
    .action(validate);
}

interface ValidateFlags extends GatewayFlags {
  keys?: string;
  json: boolean;
}

async function validate(flags: ValidateFlags): Promise<void> {
  const repository = await loadRepository(flags.models);
  const loaded = await loadPolicies(flags.policies);
  const errors = findings(flags.models, repository, loaded);
  for (const cascade of repository.cascades) {
    try {
      await loadSessions(cascade, flags.threads);
      await countRungMacs(cascade.rungs);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      errors.push(error);
    }
  }
  const cascades = repository.cascades.map(({ name }) => name);
  const policies = loaded.policies.map(({ name }) => name);
  if (flags.keys !== undefined) errors.push(...(await findingsOfKeys(flags.keys, { policies, cascades })));
  if (flags.json) {
    const found = errors.map(({ file, key, reason }) => ({ file, key, reason }));
    print(JSON.stringify({ cascades, policies, errors: found }, null, 2));
  } else {
    for (const error of errors) print(`error: ${error.message}`);
    const totals = [
      counted(cascades.length, 'cascade', 'cascades'),
      counted(policies.length, 'policy', 'policies'),
      counted(errors.length, 'error', 'errors'),
    ];
    print(totals.join(', '));
  }
  if (errors.length > 0) process.exitCode = 1;
}

/** The gateway serves with keys that name what is not there, and warns; here it is an error like a policy that does. */
async function findingsOfKeys(
  file: string,
  known: Parameters<typeof unknownNames>[1],
): Promise<readonly ConfigError[]> {
  try {
    const keys = await readKeys(file);
    return unknownNames(keys, known).map(({ key, setting, name }) => {
      const at = `keys[${keys.findIndex((each) => each.name === key)}].${setting}`;
      return new ConfigError(file, at, `found "${name}"; there are: ${known[setting].join(', ')}`);
    });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return [error];
  }
}

function counted(count: number, one: string, more: string): string {
  return `${count} ${count === 1 ? one : more}`;
}
