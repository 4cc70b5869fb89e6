/** Holds models and policies against one another: what `sluice validate`, the start of the gateway and a reload all go by. */

import { relative, sep } from 'node:path';
import type { Cascade } from '../cascade/cascade.js';
import type { Repository } from '../cascade/loader.js';
import { ConfigError } from '../errors.js';
import type { NamedPolicy, Policies } from './loader.js';
import { type Service, serviceOf } from './service.js';

/** Every policy on every cascade that it speaks of, and what does not fit. */
export function fit(
  policies: readonly NamedPolicy[],
  cascades: readonly Cascade[],
): { readonly services: readonly Service[]; readonly errors: readonly ConfigError[] } {
  const services: Service[] = [];
  const errors: ConfigError[] = [];
  for (const cascade of cascades) {
    for (const policy of policies) {
      try {
        const service = serviceOf(policy, cascade);
        if (service !== undefined) services.push(service);
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error;
        errors.push(error);
      }
    }
  }
  return { services, errors: [...errors, ...lostCanaries(policies, services)] };
}

/** Experiments with a policy that is not there, or does not speak of the same cascades. */
function lostCanaries(policies: readonly NamedPolicy[], services: readonly Service[]): ConfigError[] {
  return services.flatMap(({ canary, cascade, policy }) => {
    if (canary === undefined) return [];
    const others = services.filter((other) => other.cascade === cascade && other.policy !== policy);
    if (others.some((other) => other.policy === canary.policy)) return [];
    const { file } = policies.find(({ name }) => name === policy)!;
    const allowed = others.map((other) => other.policy).join(', ');
    const reason = `found "${canary.policy}"; allowed: another policy for ${cascade}: ${allowed}`;
    return [new ConfigError(file, 'canary.policy', reason)];
  });
}

/** The cascade that a file below the folder of models belongs to. */
export function cascadeOfFile(models: string, file: string): string {
  return relative(models, file).split(sep)[0]!;
}

/** All that is wrong with both folders, as far as can be told without running a graph. */
export function findings(models: string, repository: Repository, { policies, broken }: Policies): ConfigError[] {
  const { cascades } = repository;
  const errors = [...repository.broken, ...broken, ...fit(policies, cascades).errors];
  // A policy that names a broken cascade is not to blame for it.
  const known = [
    ...cascades.map(({ name }) => name),
    ...repository.broken.map(({ file }) => cascadeOfFile(models, file)),
  ];
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
