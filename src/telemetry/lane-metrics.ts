/** What the lanes do, merged in the gateway: one scrape sees all processes. */

import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { Gateway } from '../gateway/gateway.js';
import type { LaneWork } from '../lane/messages.js';

const BATCHES = [1, 2, 4, 8, 16, 32];

export class LaneMetrics {
  readonly #busy: Counter<'lane'>;
  readonly #decode: Counter<'lane'>;
  readonly #cpu: Counter<'lane'>;
  readonly #deaths: Counter<'lane'>;
  readonly #batch: Histogram;

  /** @param gateway whose lanes the gauges show; undefined until there is one */
  constructor(registry: Registry, gateway: () => Gateway | undefined) {
    const registers = [registry];
    this.#busy = new Counter({
      name: 'sluice_lane_busy_seconds_total',
      help: 'Seconds that the lane ran graphs.',
      labelNames: ['lane'],
      registers,
    });
    this.#decode = new Counter({
      name: 'sluice_lane_decode_seconds_total',
      help: 'Seconds of decodes in the lane, refused and audited pictures too; decodes may overlap.',
      labelNames: ['lane'],
      registers,
    });
    this.#cpu = new Counter({
      name: 'sluice_lane_cpu_seconds_total',
      help: 'Processor seconds, user and system, of the lane and those before it with its number.',
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
    new Gauge({
      name: 'sluice_lane_resident_bytes',
      help: 'Resident memory of the lane; of both lanes with its number around a change of models.',
      labelNames: ['lane'],
      registers,
      collect() {
        this.reset();
        for (const { number, residentBytes } of gateway()?.lanes ?? [])
          this.inc({ lane: String(number) }, residentBytes);
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

  /** Its counters are there from now on: the first death would not be an increase otherwise. */
  ready(lane: number): void {
    for (const counter of [this.#busy, this.#decode, this.#cpu, this.#deaths]) counter.inc({ lane: String(lane) }, 0);
  }

  worked(lane: number, { busyMs, decodeMs, batches }: LaneWork): void {
    this.#busy.inc({ lane: String(lane) }, busyMs / 1000);
    this.#decode.inc({ lane: String(lane) }, decodeMs / 1000);
    for (const size of batches) this.#batch.observe(size);
  }

  /** @param cpuMs since the last call for the same process */
  used(lane: number, cpuMs: number): void {
    this.#cpu.inc({ lane: String(lane) }, cpuMs / 1000);
  }

  died(lane: number): void {
    this.#deaths.inc({ lane: String(lane) });
  }
}
