/** What became of requests: answers, refusals, their time, where they left, what they cost, what audits said of them. */

import { Counter, Histogram, type Registry } from 'prom-client';
import type { ClassifyResult } from '../gateway/gateway.js';
import type { Audited } from '../gateway/generation.js';

/**
 * From half a millisecond (one small stage) to ten seconds (a drained queue). Closer together between 10 ms and a second, where answers
 * and goals are: a quantile is known no better than its bucket.
 */
const SECONDS = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.015, 0.025, 0.035, 0.05, 0.075, 0.1, 0.15, 0.25, 0.35, 0.5, 0.75, 1, 2.5, 5, 10,
];
/** Closer together where thresholds lie. Scores are in 0..1, but `patience` counts from 0 on. */
const SCORES = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 1];

const SERVICE = ['cascade', 'policy'] as const;
const EXIT = [...SERVICE, 'backbone', 'width', 'resolution', 'exit'] as const;
type ServiceLabel = (typeof SERVICE)[number];
type ExitLabel = (typeof EXIT)[number];

export class RequestMetrics {
  readonly #requests: Counter<ServiceLabel | 'code'>;
  readonly #duration: Histogram<ServiceLabel>;
  readonly #phases: Histogram<'phase'>;
  readonly #exits: Counter<ExitLabel | 'reason'>;
  readonly #score: Histogram<ServiceLabel>;
  readonly #macs: Counter<ServiceLabel>;
  readonly #fullMacs: Counter<ServiceLabel>;
  readonly #decode: Counter<ServiceLabel>;
  readonly #inference: Counter<ServiceLabel>;
  readonly #audits: Counter<ExitLabel | 'agree'>;

  constructor(registry: Registry) {
    const registers = [registry];
    this.#requests = new Counter({
      name: 'sluice_requests_total',
      help: 'Pictures by HTTP status of their request (each of a batch counts); cascade and policy are empty where the request named none that exists.',
      labelNames: [...SERVICE, 'code'],
      registers,
    });
    this.#duration = new Histogram({
      name: 'sluice_request_duration_seconds',
      help: 'From the last byte of the picture to the answer.',
      labelNames: SERVICE,
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
      labelNames: [...EXIT, 'reason'],
      registers,
    });
    this.#score = new Histogram({
      name: 'sluice_answer_score',
      help: 'Score of the exit that answered, of whichever kind the policy goes by.',
      labelNames: SERVICE,
      buckets: SCORES,
      registers,
    });
    this.#macs = new Counter({
      name: 'sluice_macs_total',
      help: 'Multiply-accumulates spent on answers.',
      labelNames: SERVICE,
      registers,
    });
    this.#fullMacs = new Counter({
      name: 'sluice_full_macs_total',
      help: 'Multiply-accumulates that the last rung to its last exit would have spent on the same answers.',
      labelNames: SERVICE,
      registers,
    });
    this.#decode = new Counter({
      name: 'sluice_decode_seconds_total',
      help: 'Seconds of decoding for answers.',
      labelNames: SERVICE,
      registers,
    });
    this.#inference = new Counter({
      name: 'sluice_inference_seconds_total',
      help: 'Seconds of running graphs for answers: of each batch the share of its pictures.',
      labelNames: SERVICE,
      registers,
    });
    this.#audits = new Counter({
      name: 'sluice_audit_total',
      help: 'Early answers that were checked with the full network, by the exit that gave them and whether both agree.',
      labelNames: [...EXIT, 'agree'],
      registers,
    });
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
    this.#score.observe(labels, answer.score);
    this.#macs.inc(labels, answer.macs);
    this.#fullMacs.inc(labels, result.fullMacs);
    this.#decode.inc(labels, answer.decodeMs / 1000);
    this.#inference.inc(labels, answer.inferenceMs / 1000);
  }

  /** @param known the plan that the request named, where it named one that exists */
  refused(status: number, known: { cascade: string; policy: string } | undefined): void {
    this.#requests.inc({ cascade: known?.cascade ?? '', policy: known?.policy ?? '', code: String(status) });
  }

  audited({ plan, cascade, answer, agreed }: Audited): void {
    const { backbone, width, resolution } = cascade.rungs[answer.rung]!;
    const where = { cascade: plan.cascade, policy: plan.policy, backbone, width, resolution, exit: answer.exit };
    this.#audits.inc({ ...where, agree: String(agreed) });
    // Both are there from the first audit on: a ratio of two series needs both.
    this.#audits.inc({ ...where, agree: String(!agreed) }, 0);
  }
}

/** Milliseconds that a request waited: for a lane, for a decoder, for a batch. */
export function queueMs({ answer, totalMs }: ClassifyResult): number {
  return Math.max(0, totalMs - answer.decodeMs - answer.runMs);
}
