/** sluice validate: says offline what the gateway would say at its start. */

import type { Command } from 'commander';
import { loadRepository } from '../cascade/loader.js';
import { countRungMacs } from '../cascade/onnx/macs.js';
import { ConfigError } from '../errors.js';
import { loadSessions } from '../lane/loaded.js';
import { findings } from '../policy/check.js';
import { loadPolicies } from '../policy/loader.js';
import { print } from './fail.js';
import { type GatewayFlags, withGateway } from './options.js';

export function validateCommand(program: Command): void {
  withGateway(program.command('validate').description('check the models and policies: schema, files, graphs, names'))
    .option('--json', 'print the findings as JSON', false)
    .action(validate);
}

async function validate(flags: GatewayFlags & { json: boolean }): Promise<void> {
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
  if (flags.json) {
    const found = errors.map(({ file, key, reason }) => ({ file, key, reason }));
    print(JSON.stringify({ cascades, policies: loaded.policies.map(({ name }) => name), errors: found }, null, 2));
  } else {
    for (const error of errors) print(`error: ${error.message}`);
    const totals = [
      counted(cascades.length, 'cascade', 'cascades'),
      counted(loaded.policies.length, 'policy', 'policies'),
      counted(errors.length, 'error', 'errors'),
    ];
    print(totals.join(', '));
  }
  if (errors.length > 0) process.exitCode = 1;
}

function counted(count: number, one: string, more: string): string {
  return `${count} ${count === 1 ? one : more}`;
}
