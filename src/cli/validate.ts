/** sluice validate: says offline what the gateway would say at its start. */

import type { Command } from 'commander';
import { loadRepository } from '../cascade/loader.js';
import { ConfigError } from '../errors.js';
import { loadSessions } from '../lane/loaded.js';
import { loadPolicies } from '../policy/loader.js';
import { planFor } from '../policy/plan.js';
import { print } from './fail.js';
import { type GatewayFlags, withGateway } from './options.js';

export function validateCommand(program: Command): void {
  withGateway(program.command('validate').description('check the models and policies: schema, files, graphs, names'))
    .option('--json', 'print the findings as JSON', false)
    .action(validate);
}

async function validate(flags: GatewayFlags & { json: boolean }): Promise<void> {
  const repository = await loadRepository(flags.models);
  const { policies, broken } = await loadPolicies(flags.policies);
  const errors: ConfigError[] = [...repository.broken, ...broken];
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
    for (const { policy, name, file } of policies) await collect(() => planFor(policy, name, file, cascade));
  }
  const names = new Set(repository.cascades.map(({ name }) => name));
  for (const { policy, file } of policies) {
    if (policy.kind === 'full') continue;
    for (const cascade of Object.keys(policy.cascades)) {
      if (names.has(cascade)) continue;
      errors.push(new ConfigError(file, `cascades.${cascade}`, `no such cascade; allowed: ${[...names].join(', ')}`));
    }
  }
  const cascades = [...names];
  if (flags.json) {
    const findings = errors.map(({ file, key, reason }) => ({ file, key, reason }));
    print(JSON.stringify({ cascades, policies: policies.map(({ name }) => name), errors: findings }, null, 2));
  } else {
    for (const error of errors) print(`error: ${error.message}`);
    print(`${cascades.length} cascades, ${policies.length} policies, ${errors.length} errors`);
  }
  if (errors.length > 0) process.exitCode = 1;
}
