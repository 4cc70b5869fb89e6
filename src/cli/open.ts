/** Loads models and policies as every command does, and says what is broken. */

import type { Cascade } from '../cascade/cascade.js';
import { loadRepository } from '../cascade/loader.js';
import { ConfigError } from '../errors.js';
import { Gateway, type GatewayEvents } from '../gateway/gateway.js';
import { loadPolicies, type NamedPolicy } from '../policy/loader.js';
import type { GatewayFlags } from './options.js';

export interface OpenOptions extends GatewayFlags {
  queue: number;
  queueBytes?: number;
  cascade?: string;
  policy: string;
}

/**
 * @param more policies that no file holds
 * @throws ConfigError when there is nothing to serve
 */
export async function openGateway(
  options: OpenOptions,
  events: GatewayEvents,
  more: (cascades: readonly Cascade[]) => readonly NamedPolicy[] = () => [],
): Promise<Gateway> {
  const { cascades, broken } = await loadRepository(options.models);
  const policies = await loadPolicies(options.policies);
  for (const error of [...broken, ...policies.broken]) events.broken?.(error);
  if (cascades.length === 0)
    throw new ConfigError(options.models, '', 'no folder here holds a cascade.yaml that can be served');
  return new Gateway(
    {
      cascades,
      policies: [...withFull(policies.policies), ...more(cascades)],
      lanes: options.lanes,
      threads: options.threads,
      maxPixels: options.maxPixels,
      queue: options.queue,
      queueBytes: options.queueBytes ?? Number.POSITIVE_INFINITY,
      ...(options.cascade === undefined ? {} : { defaultCascade: options.cascade }),
      defaultPolicy: options.policy,
    },
    events,
  );
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
