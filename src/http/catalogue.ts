/** GET /v1/cascades and /v1/policies: what is served, and the caller's key may use, in the words of the configuration. */

import { type Response, Router } from 'express';
import type { z } from 'zod';
import type { Cascade } from '../cascade/cascade.js';
import { fullMacs } from '../cascade/cascade.js';
import { type ConfigError, RequestError, stillStarting } from '../errors.js';
import type { Gateway } from '../gateway/gateway.js';
import { isSteered, nameOf } from '../gateway/steering.js';
import type { NamedPolicy } from '../policy/loader.js';
import type * as answers from './answers.js';
import type { CascadeList, CascadeWithLabels, PolicyList, PolicyWithContent } from './answers.js';
import type { Caller } from './caller.js';
import { onlyGet } from './only.js';

/** The last reload as callers see it; `errors` say why it was rejected. */
export interface ShownReload {
  readonly at: Date;
  readonly result: 'accepted' | 'rejected';
  readonly errors: readonly Pick<ConfigError, 'file' | 'key' | 'reason'>[];
}

export function catalogueRoutes(gateway: Gateway, lastReload: () => ShownReload | undefined): Router {
  const routes = Router();
  routes
    .route('/cascades')
    .get((_request, response) => {
      const caller = callerOf(response);
      const cascades = cascadesFor(gateway, caller).map((cascade) => describeCascade(gateway, cascade, caller));
      response.json({ cascades } satisfies z.output<typeof CascadeList>);
    })
    .all(onlyGet);
  routes
    .route('/cascades/:name')
    .get((request, response) => {
      const caller = callerOf(response);
      if (gateway.cascades.length === 0) throw stillStarting();
      const cascade = cascadesFor(gateway, caller).find(({ name }) => name === request.params.name);
      if (cascade === undefined)
        throw new RequestError('unknown_cascade', 'no such cascade; GET /v1/cascades lists them');
      const labels = [...cascade.labels];
      response.json({ ...describeCascade(gateway, cascade, caller), labels } satisfies z.output<
        typeof CascadeWithLabels
      >);
    })
    .all(onlyGet);
  routes
    .route('/policies')
    .get((_request, response) => {
      const caller = callerOf(response);
      const policies = policiesFor(gateway, caller).map((policy) => describePolicy(gateway, policy, caller));
      const reload = lastReload();
      const shown = reload && { at: reload.at.toISOString(), result: reload.result, errors: [...reload.errors] };
      response.json({ policies, reload: shown ?? null } satisfies z.output<typeof PolicyList>);
    })
    .all(onlyGet);
  routes
    .route('/policies/:name')
    .get((request, response) => {
      const caller = callerOf(response);
      const policy = policiesFor(gateway, caller).find(({ name }) => name === request.params.name);
      if (policy === undefined) throw new RequestError('unknown_policy', 'no such policy; GET /v1/policies lists them');
      // The keys of its file last: `cascades` of the file says more.
      const content = { ...describePolicy(gateway, policy, caller), ...policy.policy };
      response.json(content satisfies z.output<typeof PolicyWithContent>);
    })
    .all(onlyGet);
  return routes;
}

/** As the app has left it. */
const callerOf = (response: Response) => response.locals.caller as Caller;

const cascadesFor = ({ cascades }: Gateway, caller: Caller) =>
  cascades.filter(({ name }) => caller.mayUse('cascades', name));

const policiesFor = ({ policies }: Gateway, caller: Caller) =>
  policies.filter(({ name }) => caller.mayUse('policies', name));

/** What answers, of what the caller may use. */
const servicesFor = ({ services }: Gateway, caller: Caller) =>
  services.filter(({ cascade, policy }) => caller.mayUse('cascades', cascade) && caller.mayUse('policies', policy));

function describeCascade(gateway: Gateway, cascade: Cascade, caller: Caller): answers.Cascade {
  const facts = gateway.facts(cascade.name);
  return {
    name: cascade.name,
    default: cascade.name === gateway.defaultCascade,
    description: cascade.description,
    classes: cascade.labels.length,
    full_macs: fullMacs(facts),
    policies: servicesFor(gateway, caller)
      .filter((each) => each.cascade === cascade.name)
      .map((each) => each.policy),
    rungs: cascade.rungs.map((rung, index) => ({
      id: rung.id,
      backbone: rung.backbone,
      width: rung.width,
      resolution: rung.resolution,
      exits: rung.stages.map((_, exit) => ({
        exit: exit + 1,
        macs: facts[index]!.slice(0, exit + 1).reduce((sum, stage) => sum + stage.macs, 0),
        batch: facts[index]![exit]!.batch,
        ...(rung.accuracy === undefined ? {} : { accuracy: rung.accuracy[exit] }),
      })),
    })),
  };
}

function describePolicy(gateway: Gateway, { name, version, policy }: NamedPolicy, caller: Caller): answers.Policy {
  return {
    name,
    default: name === gateway.defaultPolicy,
    version,
    kind: policy.kind,
    description: policy.description,
    cascades: servicesFor(gateway, caller)
      .filter((each) => each.policy === name)
      .map((each) => each.cascade),
    ...(pointsOf(gateway, name, caller) ?? {}),
  };
}

/** The operating point that serves now, by cascade; of policies that have several, or audits. */
function pointsOf(gateway: Gateway, policy: string, caller: Caller): { points: Record<string, string> } | undefined {
  const steered = gateway.serving.filter(
    ({ service }) => service.policy === policy && caller.mayUse('cascades', service.cascade) && isSteered(service),
  );
  if (steered.length === 0) return undefined;
  return { points: Object.fromEntries(steered.map(({ service, point }) => [service.cascade, nameOf(service, point)])) };
}
