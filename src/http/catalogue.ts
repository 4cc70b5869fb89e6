/** GET /v1/cascades and /v1/policies: what is served, in the words of the configuration. */

import { Router } from 'express';
import type { z } from 'zod';
import type { Cascade } from '../cascade/cascade.js';
import { fullMacs } from '../cascade/cascade.js';
import { type ConfigError, RequestError, stillStarting } from '../errors.js';
import type { Gateway } from '../gateway/gateway.js';
import { isSteered, nameOf } from '../gateway/steering.js';
import type { NamedPolicy } from '../policy/loader.js';
import type * as answers from './answers.js';
import type { CascadeList, CascadeWithLabels, PolicyList, PolicyWithContent } from './answers.js';
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
      const cascades = gateway.cascades.map((cascade) => describeCascade(gateway, cascade));
      response.json({ cascades } satisfies z.output<typeof CascadeList>);
    })
    .all(onlyGet);
  routes
    .route('/cascades/:name')
    .get((request, response) => {
      const { cascades } = gateway;
      if (cascades.length === 0) throw stillStarting();
      const cascade = cascades.find(({ name }) => name === request.params.name);
      if (cascade === undefined)
        throw new RequestError('unknown_cascade', 'no such cascade; GET /v1/cascades lists them');
      const labels = [...cascade.labels];
      response.json({ ...describeCascade(gateway, cascade), labels } satisfies z.output<typeof CascadeWithLabels>);
    })
    .all(onlyGet);
  routes
    .route('/policies')
    .get((_request, response) => {
      const policies = gateway.policies.map((policy) => describePolicy(gateway, policy));
      const reload = lastReload();
      const shown = reload && { at: reload.at.toISOString(), result: reload.result, errors: [...reload.errors] };
      response.json({ policies, reload: shown ?? null } satisfies z.output<typeof PolicyList>);
    })
    .all(onlyGet);
  routes
    .route('/policies/:name')
    .get((request, response) => {
      const policy = gateway.policies.find(({ name }) => name === request.params.name);
      if (policy === undefined) throw new RequestError('unknown_policy', 'no such policy; GET /v1/policies lists them');
      // The keys of its file last: `cascades` of the file says more.
      const content = { ...describePolicy(gateway, policy), ...policy.policy };
      response.json(content satisfies z.output<typeof PolicyWithContent>);
    })
    .all(onlyGet);
  return routes;
}

function describeCascade(gateway: Gateway, cascade: Cascade): answers.Cascade {
  const facts = gateway.facts(cascade.name);
  return {
    name: cascade.name,
    default: cascade.name === gateway.defaultCascade,
    description: cascade.description,
    classes: cascade.labels.length,
    full_macs: fullMacs(facts),
    policies: gateway.services.filter((each) => each.cascade === cascade.name).map((each) => each.policy),
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

function describePolicy(gateway: Gateway, { name, version, policy }: NamedPolicy): answers.Policy {
  return {
    name,
    default: name === gateway.defaultPolicy,
    version,
    kind: policy.kind,
    description: policy.description,
    cascades: gateway.services.filter((each) => each.policy === name).map((each) => each.cascade),
    ...(pointsOf(gateway, name) ?? {}),
  };
}

/** The operating point that serves now, by cascade; of policies that have several, or audits. */
function pointsOf(gateway: Gateway, policy: string): { points: Record<string, string> } | undefined {
  const steered = gateway.serving.filter(({ service }) => service.policy === policy && isSteered(service));
  if (steered.length === 0) return undefined;
  return { points: Object.fromEntries(steered.map(({ service, point }) => [service.cascade, nameOf(service, point)])) };
}
