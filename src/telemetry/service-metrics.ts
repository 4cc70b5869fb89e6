/** The state of the gateway as it is at the scrape: its queue, the points that serve, what they promise, reloads. */

import { relative, sep } from 'node:path';
import { Counter, Gauge, type Registry } from 'prom-client';
import type { Folders } from '../gateway/configuration.js';
import type { Gateway } from '../gateway/gateway.js';
import type { ReloadReport } from '../gateway/reload.js';
import { isSteered, nameOf } from '../gateway/steering.js';

export class ServiceMetrics {
  readonly #reloads: Counter<'result'>;
  readonly #refused: Gauge;
  readonly #leftOut = { cascades: new Set<string>(), policies: new Set<string>() };

  /** @param gateway whose state the gauges show; undefined until there is one */
  constructor(registry: Registry, gateway: () => Gateway | undefined) {
    const registers = [registry];
    this.#reloads = new Counter({
      name: 'sluice_policy_reloads_total',
      help: 'Changes of policies or models on disk that were taken over (accepted), or refused as a whole (rejected).',
      labelNames: ['result'],
      registers,
    });
    for (const result of ['accepted', 'rejected'] as const) this.#reloads.inc({ result }, 0);
    this.#refused = new Gauge({
      name: 'sluice_reload_refused',
      help: '1 while what lies on disk is refused, and what was served before still is.',
      registers,
    });
    const leftOut = this.#leftOut;
    new Gauge({
      name: 'sluice_left_out',
      help: 'Cascades and policies that were broken at the start and are not served, until a reload takes all of them.',
      labelNames: ['what'],
      registers,
      collect() {
        for (const what of ['cascades', 'policies'] as const) this.set({ what }, leftOut[what].size);
      },
    });
    new Gauge({
      name: 'sluice_queue_depth',
      help: 'Requests that wait for a lane.',
      registers,
      collect() {
        this.set(gateway()?.queued ?? 0);
      },
    });
    new Gauge({
      name: 'sluice_queue_limit',
      help: 'Requests that may wait for a lane; one more is answered 503.',
      registers,
      collect() {
        this.set(gateway()?.queueLimit ?? 0);
      },
    });
    new Gauge({
      name: 'sluice_saturation_ratio',
      help: 'Share of the lanes that had a request on board, mean of the last seconds: 0 idle, 1 all of them all the time.',
      registers,
      collect() {
        this.set(gateway()?.saturation ?? 0);
      },
    });
    new Gauge({
      name: 'sluice_operating_point',
      help: '1 for the operating point that serves, 0 for the others; full: the static choice, as audits found no point good enough.',
      labelNames: ['cascade', 'policy', 'point'],
      registers,
      collect() {
        this.reset();
        for (const { service, point } of gateway()?.serving ?? []) {
          if (!isSteered(service)) continue;
          const { cascade, policy } = service;
          for (const at of [...service.points.keys(), -1])
            this.set({ cascade, policy, point: nameOf(service, at) }, Number(at === point));
        }
      },
    });
    new Gauge({
      name: 'sluice_audit_promise_ratio',
      help: 'Share of audits that have to agree (audit.min_agreement), of policies that promise one.',
      labelNames: ['cascade', 'policy'],
      registers,
      collect() {
        this.reset();
        for (const { cascade, policy, audit } of gateway()?.services ?? [])
          if (audit?.min_agreement !== undefined) this.set({ cascade, policy }, audit.min_agreement);
      },
    });
  }

  /** @param file of a cascade, or in the folder of policies */
  leftOut(file: string, { models, policies }: Folders): void {
    const below = relative(policies, file);
    if (!below.startsWith('..')) this.#leftOut.policies.add(below);
    else this.#leftOut.cascades.add(relative(models, file).split(sep)[0]!);
  }

  reloaded({ result, leftOut }: Pick<ReloadReport, 'result' | 'leftOut'>): void {
    this.#reloads.inc({ result });
    this.#refused.set(Number(result === 'rejected'));
    if (result === 'rejected') return;
    // All policies are good then, and all cascades that lanes can load.
    this.#leftOut.policies.clear();
    for (const name of this.#leftOut.cascades) if (!leftOut.includes(name)) this.#leftOut.cascades.delete(name);
  }
}
