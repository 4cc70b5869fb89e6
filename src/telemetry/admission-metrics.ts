/** Who waits, how long, and who was refused because there was too much to do; reloads of the keys. */

import { Counter, Gauge, type Registry } from 'prom-client';
import { SHED_REASONS } from '../gateway/admission.js';
import type { Shed } from '../gateway/dispatcher.js';
import type { Gateway } from '../gateway/gateway.js';
import { PRIORITIES } from '../priority.js';

export class AdmissionMetrics {
  readonly #shed: Counter<'priority' | 'reason'>;
  readonly #reloads: Counter<'result'>;
  readonly #keysRefused: Gauge;

  /** @param gateway whose state the gauges show; undefined until there is one */
  constructor(registry: Registry, gateway: () => Gateway | undefined) {
    const registers = [registry];
    this.#shed = new Counter({
      name: 'sluice_shed_total',
      help: 'Requests refused (503 overloaded) by what was short: places (queue), memory (bytes), time (wait), time before their own deadline, or before the goal of their policy.',
      labelNames: ['priority', 'reason'],
      registers,
    });
    for (const priority of PRIORITIES) for (const reason of SHED_REASONS) this.#shed.inc({ priority, reason }, 0);
    this.#reloads = new Counter({
      name: 'sluice_key_reloads_total',
      help: 'Changes of the file of API keys that were taken over (accepted), or refused as a whole (rejected).',
      labelNames: ['result'],
      registers,
    });
    for (const result of ['accepted', 'rejected'] as const) this.#reloads.inc({ result }, 0);
    this.#keysRefused = new Gauge({
      name: 'sluice_keys_refused',
      help: '1 while the file of API keys is refused, and those before still hold.',
      registers,
    });
    new Gauge({
      name: 'sluice_expected_wait_seconds',
      help: 'That a request which comes in now would wait for those before it; beyond --max-wait-ms it is refused.',
      labelNames: ['priority'],
      registers,
      collect() {
        for (const priority of PRIORITIES) this.set({ priority }, (gateway()?.expectedWaitMs(priority) ?? 0) / 1000);
      },
    });
    new Gauge({
      name: 'sluice_waiting_requests',
      help: 'Requests that wait for a lane, by priority.',
      labelNames: ['priority'],
      registers,
      collect() {
        for (const priority of PRIORITIES) this.set({ priority }, gateway()?.queuedOf(priority) ?? 0);
      },
    });
  }

  shed({ priority, reason }: Shed): void {
    this.#shed.inc({ priority, reason });
  }

  keysReloaded(result: 'accepted' | 'rejected'): void {
    this.#reloads.inc({ result });
    this.#keysRefused.set(Number(result === 'rejected'));
  }
}
