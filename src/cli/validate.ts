/** sluice validate: says offline what the gateway would say at its start. */

import { basename, dirname } from 'node:path';
import type { Command } from 'commander';
import { loadRepository } from '../cascade/loader.js';
import { ConfigError } from '../errors.js';
import { loadSessions } from '../lane/loaded.js';
import { loadPolicies } from '../policy/loader.js';
import { plansFor } from '../policy/plan.js';
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
  const errors: ConfigError[] = [...repository.broken, ...loaded.broken];
  const collect = async (work: () => unknown) => {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      errors.push(error);
    }
  };
  for (const cascade of repository.cascades) {
    await collect(() => loadSessions(cascade, flags.threads));
    for (const policy of loaded.policies) await collect(() => plansFor(policy, cascade));
  }
  const cascades = repository.cascades.map(({ name }) => name);
  // A policy that names a broken cascade is not to blame for it.
  const known = [...cascades, ...repository.broken.map(({ file }) => basename(dirname(file)))];
  if (known.length === 0) errors.push(new ConfigError(flags.models, '', 'no folder here holds a cascade.yaml'));
  for (const { policy, file } of loaded.policies) {
    if (policy.kind === 'full' || known.length === 0) continue;
    for (const cascade of Object.keys(policy.cascades)) {
      if (known.includes(cascade)) continue;
      errors.push(new ConfigError(file, `cascades.${cascade}`, `found "${cascade}"; allowed: ${known.join(', ')}`));
    }
  }
  if (flags.json) {
    const findings = errors.map(({ file, key, reason }) => ({ file, key, reason }));
    print(JSON.stringify({ cascades, policies: loaded.policies.map(({ name }) => name), errors: findings }, null, 2));
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
