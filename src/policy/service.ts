/** A policy on a cascade as the gateway serves it: its operating points, and what chooses between them. */

import type { Cascade } from '../cascade/cascade.js';
import type { NamedPolicy } from './loader.js';
import { type Plan, plansFor } from './plan.js';
import type { Audit, Canary, Goal } from './schema.js';

export interface Service {
  readonly cascade: string;
  readonly policy: string;
  /** Dear to cheap; at least one. */
  readonly points: readonly Plan[];
  /** Index of the cheapest point that a goal may choose. */
  readonly floor: number;
  readonly goal?: Goal;
  readonly canary?: Canary;
  readonly audit?: Audit;
}

/**
 * Undefined when the policy does not speak of that cascade.
 * @throws ConfigError as {@link plansFor}
 */
export function serviceOf(named: NamedPolicy, cascade: Cascade): Service | undefined {
  const points = plansFor(named, cascade);
  if (points.length === 0) return undefined;
  const { policy, name } = named;
  const service = { cascade: cascade.name, policy: name, points };
  if (policy.kind === 'full') return { ...service, floor: 0 };
  const { goal, canary, audit } = policy;
  const { floor } = policy.cascades[cascade.name]!;
  return {
    ...service,
    floor: floor === undefined ? points.length - 1 : points.findIndex(({ point }) => point === floor),
    ...(goal === undefined ? {} : { goal }),
    ...(canary === undefined ? {} : { canary }),
    ...(audit === undefined ? {} : { audit }),
  };
}
