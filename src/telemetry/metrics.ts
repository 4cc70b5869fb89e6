/** The gateway's Prometheus metrics. Names are part of the contract; labels come from the configuration, never from a caller. */

import { collectDefaultMetrics, Registry } from 'prom-client';
import type { Folders } from '../gateway/configuration.js';
import type { Shed } from '../gateway/dispatcher.js';
import type { ClassifyResult, Gateway } from '../gateway/gateway.js';
import type { Audited } from '../gateway/generation.js';
import type { ReloadReport } from '../gateway/reload.js';
import type { LaneWork } from '../lane/messages.js';
import { AdmissionMetrics } from './admission-metrics.js';
import { ConnectionMetrics, type CutReason } from './connection-metrics.js';
import { EnergyMetrics, type EnergyOptions, WATTS_PER_CORE } from './energy-metrics.js';
import { LaneMetrics } from './lane-metrics.js';
import { RequestMetrics } from './request-metrics.js';
import { ServiceMetrics } from './service-metrics.js';

/** Gauges of prom-client whose names break Prometheus' conventions; the same numbers by kind are in those without `_total`. */
const MISNAMED = ['handles', 'requests', 'resources'].map((what) => `nodejs_active_${what}_total`);

export class Metrics {
  readonly registry = new Registry();
  readonly #requests: RequestMetrics;
  readonly #lanes: LaneMetrics;
  readonly #service: ServiceMetrics;
  readonly #admission: AdmissionMetrics;
  readonly #energy: EnergyMetrics;
  readonly #edge: ConnectionMetrics;
  #connections: () => number = () => 0;
  #gateway: Gateway | undefined;

  constructor(energy: EnergyOptions = { wattsPerCore: WATTS_PER_CORE }) {
    const { registry } = this;
    const gateway = () => this.#gateway;
    collectDefaultMetrics({ register: registry });
    for (const name of MISNAMED) registry.removeSingleMetric(name);
    this.#requests = new RequestMetrics(registry);
    this.#service = new ServiceMetrics(registry, gateway);
    this.#admission = new AdmissionMetrics(registry, gateway);
    this.#lanes = new LaneMetrics(registry, gateway);
    this.#energy = new EnergyMetrics(registry, energy);
    this.#edge = new ConnectionMetrics(registry, () => this.#connections());
  }

  /** Whose queue and lanes the gauges show. */
  watch(gateway: Gateway): void {
    this.#gateway = gateway;
  }

  answered(result: ClassifyResult): void {
    this.#requests.answered(result);
  }

  /** @param known the plan that the request named, where it named one that exists */
  refused(status: number, known: { cascade: string; policy: string } | undefined): void {
    this.#requests.refused(status, known);
  }

  audited(audited: Audited): void {
    this.#requests.audited(audited);
  }

  shed(shed: Shed): void {
    this.#admission.shed(shed);
  }

  /** A file of either folder was left out at the start. */
  leftOut(file: string, folders: Folders): void {
    this.#service.leftOut(file, folders);
  }

  keysReloaded(result: 'accepted' | 'rejected'): void {
    this.#admission.keysReloaded(result);
  }

  laneReady(lane: number): void {
    this.#lanes.ready(lane);
  }

  laneWorked(lane: number, work: LaneWork): void {
    this.#lanes.worked(lane, work);
  }

  /** @param cpuMs processor time since the last call for the same process */
  laneUsed(lane: number, cpuMs: number): void {
    this.#lanes.used(lane, cpuMs);
    this.#energy.used(cpuMs);
  }

  laneDied(lane: number): void {
    this.#lanes.died(lane);
  }

  reloaded(report: Pick<ReloadReport, 'result' | 'leftOut'>): void {
    this.#service.reloaded(report);
  }

  /** @param count open connections of callers */
  watchConnections(count: () => number): void {
    this.#connections = count;
  }

  cut(reason: CutReason): void {
    this.#edge.cut(reason);
  }

  /** @param notAfterMs when the certificate that is served expires, since the epoch */
  certificate(notAfterMs: number): void {
    this.#edge.certificate(notAfterMs);
  }

  certificateRefused(isRefused: boolean): void {
    this.#edge.certificateRefused(isRefused);
  }
}
