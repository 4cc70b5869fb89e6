/** The gateway's Prometheus metrics. Names are part of the contract; labels come from the configuration, never from a caller. */

import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { ClassifyResult, Gateway } from '../gateway/gateway.js';
import type { Audited } from '../gateway/generation.js';
import { isSteered, nameOf } from '../gateway/steering.js';

/** From half a millisecond (one small stage) to ten seconds (a drained queue). */
const SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const BATCHES = [1, 2, 4, 8, 16, 32];

export class Metrics {
  readonly registry = new Registry();
  readonly #requests: Counter<'cascade' | 'policy' | 'code'>;
  readonly #duration: Histogram<'cascade' | 'policy'>;
  readonly #phases: Histogram<'phase'>;
  readonly #exits: Counter<'cascade' | 'policy' | 'backbone' | 'width' | 'resolution' | 'exit' | 'reason'>;
  readonly #macs: Counter<'cascade' | 'policy'>;
  readonly #fullMacs: Counter<'cascade' | 'policy'>;
  readonly #audits: Counter<'cascade' | 'policy' | 'backbone' | 'width' | 'resolution' | 'exit' | 'agree'>;
  readonly #busy: Counter<'lane'>;
  readonly #deaths: Counter<'lane'>;
  readonly #batch: Histogram;
  readonly #reloads: Counter<'result'>;
  #gateway: Gateway | undefined;

  constructor() {
    const registers = [this.registry];
    collectDefaultMetrics({ register: this.registry });
    this.#requests = new Counter({
      name: 'sluice_requests_total',
      help: 'Requests to /v1/classify by HTTP status; cascade and policy are empty where the request named none that exists.',
      labelNames: ['cascade', 'policy', 'code'],
      registers,
    });
    this.#duration = new Histogram({
      name: 'sluice_request_duration_seconds',
      help: 'From the last byte of the picture to the answer.',
      labelNames: ['cascade', 'policy'],
      buckets: SECONDS,
      registers,
    });
    this.#phases = new Histogram({
      name: 'sluice_stage_duration_seconds',
      help: 'Per picture: waiting (queue), decoding, and its share of the batches it ran in (inference).',
      labelNames: ['phase'],
      buckets: SECONDS,
      registers,
    });
    this.#exits = new Counter({
      name: 'sluice_exits_total',
      help: 'Answers by the exit that gave them, and why there.',
      labelNames: ['cascade', 'policy', 'backbone', 'width', 'resolution', 'exit', 'reason'],
      registers,
    });
    this.#macs = new Counter({
      name: 'sluice_macs_total',
      help: 'Multiply-accumulates spent on answers.',
      labelNames: ['cascade', 'policy'],
      registers,
    });
    this.#fullMacs = new Counter({
      name: 'sluice_full_macs_total',
      help: 'Multiply-accumulates that the last rung to its last exit would have spent on the same answers.',
      labelNames: ['cascade', 'policy'],
      registers,
    });
    this.#audits = new Counter({
      name: 'sluice_audit_total',
      help: 'Early answers that were checked with the full network, by the exit that gave them and whether both agree.',
      labelNames: ['cascade', 'policy', 'backbone', 'width', 'resolution', 'exit', 'agree'],
      registers,
    });
    this.#busy = new Counter({
      name: 'sluice_lane_busy_seconds_total',
      help: 'Seconds that the lane ran graphs.',
      labelNames: ['lane'],
      registers,
    });
    this.#deaths = new Counter({
      name: 'sluice_lane_deaths_total',
      help: 'Lanes that died and were replaced.',
      labelNames: ['lane'],
      registers,
    });
    this.#batch = new Histogram({
      name: 'sluice_batch_size',
      help: 'Pictures in one run of a stage.',
      buckets: BATCHES,
      registers,
    });
    this.#reloads = new Counter({
      name: 'sluice_policy_reloads_total',
      help: 'Changes of policies or models on disk that were taken over (accepted), or refused as a whole (rejected).',
      labelNames: ['result'],
      registers,
    });
    for (const result of ['accepted', 'rejected'] as const) this.#reloads.inc({ result }, 0);
    const gateway = () => this.#gateway;
    new Gauge({
      name: 'sluice_queue_depth',
      help: 'Requests that wait for a lane.',
      registers,
      collect() {
        this.set(gateway()?.queued ?? 0);
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
      name: 'sluice_lane_requests',
      help: 'Requests that the lane has on board.',
      labelNames: ['lane'],
      registers,
      collect() {
        this.reset();
        for (const { number, requests } of gateway()?.lanes ?? []) this.inc({ lane: String(number) }, requests);
      },
    });
    new Gauge({
      name: 'sluice_lanes',
      help: 'Lanes by state; retiring: they finish what they took before their models were replaced.',
      labelNames: ['state'],
      registers,
      collect() {
        const counts = gateway()?.laneCounts ?? { ready: 0, starting: 0, retiring: 0 };
        for (const state of ['ready', 'starting', 'retiring'] as const) this.set({ state }, counts[state]);
      },
    });
  }

  audited({ plan, cascade, answer, agreed }: Audited): void {
    const { backbone, width, resolution } = cascade.rungs[answer.rung]!;
    const where = { cascade: plan.cascade, policy: plan.policy, backbone, width, resolution, exit: answer.exit };
    this.#audits.inc({ ...where, agree: String(agreed) });
  }

  /** Whose queue and lanes the gauges show. */
  watch(gateway: Gateway): void {
    this.#gateway = gateway;
  }

  laneWorked(lane: number, busyMs: number, batches: readonly number[]): void {
    this.#busy.inc({ lane: String(lane) }, busyMs / 1000);
    for (const size of batches) this.#batch.observe(size);
  }

  laneDied(lane: number): void {
    this.#deaths.inc({ lane: String(lane) });
  }

  reloaded(result: 'accepted' | 'rejected'): void {
    this.#reloads.inc({ result });
  }

  answered(result: ClassifyResult): void {
    const { plan, answer, cascade, totalMs } = result;
    const labels = { cascade: plan.cascade, policy: plan.policy };
    const { backbone, width, resolution } = cascade.rungs[answer.rung]!;
    this.#requests.inc({ ...labels, code: '200' });
    this.#duration.observe(labels, totalMs / 1000);
    this.#phases.observe({ phase: 'queue' }, queueMs(result) / 1000);
    this.#phases.observe({ phase: 'decode' }, answer.decodeMs / 1000);
    this.#phases.observe({ phase: 'inference' }, answer.inferenceMs / 1000);
    this.#exits.inc({ ...labels, backbone, width, resolution, exit: answer.exit, reason: answer.reason });
    this.#macs.inc(labels, answer.macs);
    this.#fullMacs.inc(labels, result.fullMacs);
  }

  /** @param known the plan that the request named, where it named one that exists */
  refused(status: number, known: { cascade: string; policy: string } | undefined): void {
    this.#requests.inc({ cascade: known?.cascade ?? '', policy: known?.policy ?? '', code: String(status) });
  }
}

/** Milliseconds that a request waited: for a lane, for a decoder, for a batch. */
export function queueMs({ answer, totalMs }: ClassifyResult): number {
  return Math.max(0, totalMs - answer.decodeMs - answer.runMs);
}
