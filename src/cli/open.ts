/** Loads models and policies as every command does, and says what is broken. */

import { ConfigError } from '../errors.js';
import { defaultOf } from '../gateway/catalog.js';
import { type Configuration, candidatesIn, readConfiguration } from '../gateway/configuration.js';
import { Gateway, type GatewayEvents } from '../gateway/gateway.js';
import type { Confinement } from '../gateway/lane-process.js';
import type { NamedPolicy } from '../policy/loader.js';
import { refuseLostCascade } from './defaults.js';
import type { GatewayFlags } from './options.js';

export interface OpenOptions extends GatewayFlags {
  queue: number;
  queueBytes?: number;
  maxWaitMs?: number;
  batchShare?: number;
  cascade?: string;
  policy: string;
  /** Goals and audits choose operating points; default false: what is measured shall not move. */
  steers?: boolean;
  /** What lanes may not go beyond. */
  confinement?: Confinement;
}

/**
 * For a command about one cascade, the one that is named or the default: no other is loaded. What is broken is left out and told on stderr.
 * @param more policies that no file holds
 * @throws ConfigError when there is nothing to serve, StartError when the default is broken
 */
export async function openGateway(options: OpenOptions, more: readonly NamedPolicy[] = []): Promise<Gateway> {
  const { models, policies } = await readConfiguration(options);
  if (options.cascade === undefined && models.cascades.length > 0)
    refuseLostCascade(options, models.cascades, await candidatesIn(options.models, models), models.broken);
  const named = models.cascades.find(({ name }) => name === options.cascade);
  const one = options.cascade === undefined ? defaultOf(models.cascades, undefined) : named;
  // An unknown name is told later, with all that there are.
  const cascades = one === undefined ? models.cascades : [one];
  const broken = (error: Error) => process.stderr.write(`sluice: left out: ${error.message}\n`);
  const all = { ...policies, policies: [...policies.policies, ...more] };
  return gatewayOf({ models: { ...models, cascades }, policies: all }, options, { broken });
}

/**
 * Like {@link openGateway}, of what was read.
 * @throws ConfigError when there is nothing to serve
 */
export function gatewayOf({ models, policies }: Configuration, options: OpenOptions, events: GatewayEvents): Gateway {
  const { cascades } = models;
  for (const error of [...models.broken, ...policies.broken]) events.broken?.(error);
  if (cascades.length === 0)
    throw new ConfigError(options.models, '', 'no folder here holds a cascade.yaml that can be served');
  return new Gateway(
    {
      cascades,
      policies: policies.policies,
      lanes: options.lanes,
      threads: options.threads,
      maxPixels: options.maxPixels,
      queue: options.queue,
      queueBytes: options.queueBytes ?? Number.POSITIVE_INFINITY,
      maxWaitMs: options.maxWaitMs,
      batchShare: options.batchShare,
      ...(options.cascade === undefined ? {} : { defaultCascade: options.cascade }),
      defaultPolicy: options.policy,
      steers: options.steers ?? false,
      ...(options.confinement === undefined ? {} : { confinement: options.confinement }),
    },
    events,
  );
}
