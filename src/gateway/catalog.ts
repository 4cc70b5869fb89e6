/** What is served at one moment: cascades, policies, and the plans of each policy on each cascade. A reload makes another catalog. */

import type { Cascade } from '../cascade/cascade.js';
import { ConfigError, RequestError } from '../errors.js';
import type { NumberedPlan } from '../lane/messages.js';
import type { NamedPolicy } from '../policy/loader.js';
import type { Plan } from '../policy/plan.js';
import type { Service } from '../policy/service.js';

/** What answers requests that name nothing. */
export interface Defaults {
  /** Undefined: the one whose cascade.yaml says so, else the first. */
  readonly cascade?: string | undefined;
  readonly policy: string;
}

export class Catalog {
  readonly defaultCascade: string;

  constructor(
    readonly cascades: readonly Cascade[],
    readonly policies: readonly NamedPolicy[],
    readonly services: readonly Service[],
    /** Those of one policy and cascade in a row, dear to cheap. */
    readonly plans: readonly NumberedPlan[],
    readonly defaults: Defaults,
  ) {
    this.defaultCascade = defaultOf(cascades, defaults.cascade)?.name ?? '';
  }

  /**
   * A policy on a cascade.
   * @throws RequestError unknown_cascade, unknown_policy
   */
  service(cascade = this.defaultCascade, policy = this.defaults.policy): Service {
    const service = this.services.find((each) => each.cascade === cascade && each.policy === policy);
    if (service !== undefined) return service;
    if (this.cascades.every(({ name }) => name !== cascade)) {
      const known = this.cascades.map(({ name }) => name).join(', ');
      throw new RequestError('unknown_cascade', `no cascade "${cascade}"; there are: ${known}`);
    }
    const known = this.services.filter((each) => each.cascade === cascade).map((each) => each.policy);
    throw new RequestError('unknown_policy', `no policy "${policy}" for ${cascade}; there are: ${known.join(', ')}`);
  }

  /** @param at index in the points of the service */
  plan({ cascade, policy, points }: Service, at: number): NumberedPlan {
    const { point } = points[at]!;
    return this.plans.find(({ plan }) => plan.cascade === cascade && plan.policy === policy && plan.point === point)!;
  }

  /** The static choice on a cascade. */
  full(cascade: string): NumberedPlan | undefined {
    return this.plans.find(({ plan }) => plan.cascade === cascade && plan.policy === 'full');
  }
}

/** What decides whether a cascade is the default. */
export type Candidate = Pick<Cascade, 'name' | 'isDefault'>;

/** The cascade that is wanted, else the one whose cascade.yaml says so, else the first. */
export function defaultOf<C extends Candidate>(cascades: readonly C[], wanted: string | undefined): C | undefined {
  return cascades.find(({ name }) => name === wanted) ?? cascades.find(({ isDefault }) => isDefault) ?? cascades[0];
}

/**
 * The cascade that would be the default, were all of them served; undefined where it is served.
 * @param candidates in the order of the folder
 */
export function lostDefault(
  served: readonly Candidate[],
  candidates: readonly Candidate[],
  wanted: string | undefined,
): string | undefined {
  const name = defaultOf(candidates, wanted)?.name;
  return served.some((each) => each.name === name) ? undefined : name;
}

/** Gives each plan its number: the one it had before where the same policy text made it, else the next that nobody had. */
export function numbered(
  plans: readonly Plan[],
  before: readonly NumberedPlan[],
  nextId: () => number,
): readonly NumberedPlan[] {
  const key = ({ cascade, policy, version, point }: Plan) => JSON.stringify([cascade, policy, version, point]);
  const known = new Map(before.map((each) => [key(each.plan), each]));
  return plans.map((plan) => known.get(key(plan)) ?? { id: nextId(), plan });
}

/**
 * What a reload may not take away: an operator who renames a file by mistake shall not cut off all callers that name nothing.
 * @returns why `after` must not follow `before`
 */
export function lostDefaults(before: Catalog, after: Catalog): readonly ConfigError[] {
  const { cascade, policy } = before.defaults;
  const names = (catalog: Catalog) => catalog.cascades.map(({ name }) => name);
  const answers = (catalog: Catalog) =>
    catalog.services.some((each) => each.cascade === catalog.defaultCascade && each.policy === policy);
  if (cascade !== undefined && names(before).includes(cascade) && !names(after).includes(cascade)) {
    const reason = `no cascade "${cascade}", the default of this gateway (--cascade); found: ${names(after).join(', ')}`;
    return [new ConfigError('models', cascade, reason)];
  }
  if (!answers(before) || answers(after)) return [];
  const found = after.services.filter((each) => each.cascade === after.defaultCascade).map((each) => each.policy);
  const reason = `no policy "${policy}" for ${after.defaultCascade}, which requests that name nothing get (--cascade, --policy); found: ${found.join(', ')}`;
  return [new ConfigError('policies', policy, reason)];
}
