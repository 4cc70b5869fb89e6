/** Holds models and policies against one another: what `sluice validate`, the start of the gateway and a reload all go by. */

import { basename, dirname } from 'node:path';
import type { Cascade } from '../cascade/cascade.js';
import type { Repository } from '../cascade/loader.js';
import { ConfigError } from '../errors.js';
import type { NamedPolicy, Policies } from './loader.js';
import { type Plan, plansFor } from './plan.js';

/** The plans of every policy on every cascade, and what does not fit. */
export function fit(
  policies: readonly NamedPolicy[],
  cascades: readonly Cascade[],
): { readonly plans: readonly Plan[]; readonly errors: readonly ConfigError[] } {
  const plans: Plan[] = [];
  const errors: ConfigError[] = [];
  for (const cascade of cascades) {
    for (const policy of policies) {
      try {
        plans.push(...plansFor(policy, cascade));
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error;
        errors.push(error);
      }
    }
  }
  return { plans, errors };
}

/** All that is wrong with both folders, as far as can be told without running a graph. */
export function findings(models: string, repository: Repository, { policies, broken }: Policies): ConfigError[] {
  const { cascades } = repository;
  const errors = [...repository.broken, ...broken, ...fit(policies, cascades).errors];
  // A policy that names a broken cascade is not to blame for it.
  const known = [...cascades.map(({ name }) => name), ...repository.broken.map(({ file }) => basename(dirname(file)))];
  if (known.length === 0) return [...errors, new ConfigError(models, '', 'no folder here holds a cascade.yaml')];
  for (const { policy, file } of policies) {
    if (policy.kind === 'full') continue;
    for (const cascade of Object.keys(policy.cascades)) {
      if (known.includes(cascade)) continue;
      errors.push(new ConfigError(file, `cascades.${cascade}`, `found "${cascade}"; allowed: ${known.join(', ')}`));
    }
  }
  return errors;
}
