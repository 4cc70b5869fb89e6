/** Energy: measured by the processor where that can be read, else estimated from processor time. */

import { Counter, type Registry } from 'prom-client';
import type { Rapl } from './energy.js';

export interface EnergyOptions {
  readonly rapl?: Rapl | undefined;
  /** What one busy core draws; for the estimate. */
  readonly wattsPerCore: number;
}

/** A server processor's design power by its cores is 3 to 8 W. */
export const WATTS_PER_CORE = 5;

export class EnergyMetrics {
  #busySeconds = 0;
  #gatewaySeconds = gatewaySeconds();

  constructor(registry: Registry, { rapl, wattsPerCore }: EnergyOptions) {
    const estimate = () => this.#estimate(wattsPerCore);
    const joules = new Counter({
      name: 'sluice_energy_joules_total',
      help: 'Energy. source="rapl": of all processor packages of this machine, as they measure it themselves, other work included. source="estimate": an estimate, stated watts per busy core (--watts-per-core) times the processor seconds of gateway and lanes.',
      labelNames: ['source'],
      registers: [registry],
      async collect() {
        if (rapl === undefined) this.inc({ source: 'estimate' }, estimate());
        else this.inc({ source: 'rapl' }, await rapl.joules());
      },
    });
    joules.inc({ source: rapl === undefined ? 'estimate' : 'rapl' }, 0);
  }

  /** A lane used its core for so long. */
  used(cpuMs: number): void {
    this.#busySeconds += cpuMs / 1000;
  }

  /** Joules since the last call. */
  #estimate(wattsPerCore: number): number {
    const now = gatewaySeconds();
    const seconds = this.#busySeconds + now - this.#gatewaySeconds;
    this.#busySeconds = 0;
    this.#gatewaySeconds = now;
    return seconds * wattsPerCore;
  }
}

/** Processor seconds of this process so far. */
function gatewaySeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}
