/** A plan is a policy resolved against one cascade: the lane walks it without looking at YAML or names again. */

import type { Cascade } from '../cascade/cascade.js';
import { ConfigError } from '../errors.js';
import { CONTENT, type Entry } from './entry.js';
import type { EntryRule, PolicyFile } from './schema.js';

/** One rung of the walk. */
export interface Leg {
  /** Index in {@link Cascade.rungs}. */
  readonly rung: number;
  /** One per exit that is run, shallow to deep; null: never leave here. */
  readonly thresholds: readonly (number | null)[];
  /** Expected share of pictures that come so far. */
  readonly reach: number;
}

export interface Plan {
  readonly cascade: string;
  readonly policy: string;
  readonly legs: readonly Leg[];
  /** Multiply-accumulates that one picture may spend. */
  readonly budgetMacs: number;
  /** Entry by content; without it every picture enters at the first leg. */
  readonly entry?: Entry;
}

/**
 * Resolves a policy for a cascade; undefined when the policy does not speak of that cascade.
 * @throws ConfigError when rungs or numbers of exits do not fit the cascade
 */
export function planFor(policy: PolicyFile, name: string, file: string, cascade: Cascade): Plan | undefined {
  if (policy.kind === 'full') return fullPlan(cascade, name);
  const route = Object.hasOwn(policy.cascades, cascade.name) ? policy.cascades[cascade.name] : undefined;
  if (route === undefined) return undefined;
  let reach = 2;
  const legs = route.route.map((leg, index): Leg => {
    const key = `cascades.${cascade.name}.route[${index}]`;
    const rung = cascade.rungs.findIndex((r) => r.id === leg.rung);
    if (rung < 0) {
      const known = cascade.rungs.map((r) => r.id).join(', ');
      throw new ConfigError(file, `${key}.rung`, `found "${leg.rung}"; ${cascade.name} has: ${known}`);
    }
    const exits = cascade.rungs[rung]!.stages.length;
    if (leg.thresholds.length > exits) {
      throw new ConfigError(
        file,
        `${key}.thresholds`,
        `found ${leg.thresholds.length} thresholds; ${leg.rung} has ${exits} exits`,
      );
    }
    reach = leg.reach ?? reach / 2;
    return { rung, thresholds: leg.thresholds, reach };
  });
  const last = legs.at(-1)!;
  if (last.thresholds.at(-1) !== null) {
    const key = `cascades.${cascade.name}.route[${legs.length - 1}].thresholds[${last.thresholds.length - 1}]`;
    throw new ConfigError(file, key, 'the last exit of the last rung always answers: its threshold must be null');
  }
  return {
    cascade: cascade.name,
    policy: name,
    legs,
    budgetMacs: route.budget_macs ?? Number.POSITIVE_INFINITY,
    ...(route.entry === undefined ? {} : { entry: entryOf(route.entry, route.route, cascade.name, file) }),
  };
}

function entryOf(entry: EntryRule, route: readonly { readonly rung: string }[], cascade: string, file: string): Entry {
  const leg = route.findIndex(({ rung }) => rung === entry.rung);
  if (leg < 1) {
    const allowed = route.slice(1).map(({ rung }) => rung);
    const reason = `found "${entry.rung}"; allowed: a rung of the route after the first${allowed.length > 0 ? `: ${allowed.join(', ')}` : ''}`;
    throw new ConfigError(file, `cascades.${cascade}.entry.rung`, reason);
  }
  const { above, intercept, weights } = entry;
  return { leg, above, intercept, weights: CONTENT.map((name) => weights[name]) };
}

/** The static choice: the last rung to its last exit, no early exit. */
export function fullPlan(cascade: Cascade, name = 'full'): Plan {
  const rung = cascade.rungs.length - 1;
  const thresholds = cascade.rungs[rung]!.stages.map(() => null);
  return {
    cascade: cascade.name,
    policy: name,
    legs: [{ rung, thresholds, reach: 1 }],
    budgetMacs: Number.POSITIVE_INFINITY,
  };
}
