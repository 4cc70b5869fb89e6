/** What a request is answered with: the policy of an experiment, the operating point of the moment. The one place where that is decided. */

import { RequestError } from '../errors.js';
import type { NumberedPlan } from '../lane/messages.js';
import { isCanary, placeOf } from '../policy/canary.js';
import type { Service } from '../policy/service.js';
import type { Catalog } from './catalog.js';
import type { Wish } from './request.js';
import type { Steering, Surroundings } from './steering.js';

export interface Choice {
  readonly service: Service;
  /** Index of the operating point; -1: the static choice in its place. */
  readonly point: number;
  readonly chosen: NumberedPlan;
  /**
   * The goal that only a shorter queue can keep, milliseconds: the cheapest point serves already. Undefined: there is none, a cheaper point
   * can be turned to first, or goals are not kept here.
   */
  readonly goalMs: number | undefined;
}

/** @throws RequestError unknown_cascade, unknown_policy (a point that the policy does not have, too) */
export function choose(catalog: Catalog, wish: Wish, steering: Steering, around: () => Surroundings): Choice {
  const asked = catalog.service(wish.cascade, wish.policy);
  if (wish.point !== undefined) {
    const point = asked.points.findIndex((plan) => plan.point === wish.point);
    if (point < 0) throw new RequestError('unknown_policy', unknownPoint(asked, wish.point));
    return { service: asked, point, chosen: catalog.plan(asked, point), goalMs: goalLeft(asked, point, steering) };
  }
  // Who measures a policy measures that one.
  const service = steering.steers ? armOf(catalog, asked, wish) : asked;
  const point = wish.provisional ? steering.current(service) : steering.choose(service, around);
  const full = catalog.full(service.cascade);
  const [served, chosen] =
    point < 0 && full !== undefined ? [point, full] : [Math.max(0, point), catalog.plan(service, Math.max(0, point))];
  return { service, point: served, chosen, goalMs: goalLeft(service, served, steering) };
}

function goalLeft(service: Service, point: number, steering: Steering): number | undefined {
  return steering.steers && point === steering.cheapest(service) ? service.goal?.latency_p95_ms : undefined;
}

/** The other arm of an experiment, for the share of requests that it gets. */
function armOf(catalog: Catalog, service: Service, { header }: Wish): Service {
  const { canary, cascade, policy } = service;
  if (canary === undefined) return service;
  const key = canary.sticky_header === undefined ? undefined : header?.(canary.sticky_header);
  const place = key === undefined ? Math.random() : placeOf(policy, key);
  if (!isCanary(place, canary.share)) return service;
  return catalog.services.find((each) => each.cascade === cascade && each.policy === canary.policy) ?? service;
}

function unknownPoint({ policy, cascade, points }: Service, point: string): string {
  const known = points.flatMap((plan) => plan.point ?? []);
  return `no point "${point}" in ${policy} for ${cascade}; there are: ${known.join(', ') || 'none'}`;
}
