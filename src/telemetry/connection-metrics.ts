/** The edge: how many connections there are, which were cut off and why, and how long the certificate is good for. */

import { Counter, Gauge, type Registry } from 'prom-client';

const REASONS = [
  'timeout',
  'slow_body',
  'unread',
  'pipelined',
  'headers_too_large',
  'malformed',
  'made_room',
  'full',
  'address',
] as const;
export type CutReason = (typeof REASONS)[number];

export class ConnectionMetrics {
  readonly #registry: Registry;
  readonly #cuts: Counter<'reason'>;
  #notAfter: Gauge | undefined;
  #refused: Gauge | undefined;

  /** @param connections open ones, of the server that callers ask */
  constructor(registry: Registry, connections: () => number) {
    const registers = [registry];
    this.#registry = registry;
    new Gauge({
      name: 'sluice_connections',
      help: 'Open connections of callers.',
      registers,
      collect() {
        this.set(connections());
      },
    });
    this.#cuts = new Counter({
      name: 'sluice_connections_cut_total',
      help: 'Connections that were cut off or turned away, by reason.',
      labelNames: ['reason'],
      registers,
    });
    for (const reason of REASONS) this.#cuts.inc({ reason }, 0);
  }

  cut(reason: CutReason): void {
    this.#cuts.inc({ reason });
  }

  /** Registered only where there is a certificate: 0 would be 1970. */
  certificate(notAfterMs: number): void {
    this.#notAfter ??= new Gauge({
      name: 'sluice_tls_certificate_not_after_timestamp_seconds',
      help: 'When the certificate that is served expires, seconds since the epoch.',
      registers: [this.#registry],
    });
    this.#notAfter.set(notAfterMs / 1000);
    this.certificateRefused(false);
  }

  certificateRefused(isRefused: boolean): void {
    this.#refused ??= new Gauge({
      name: 'sluice_tls_certificate_refused',
      help: '1 while the files of the certificate are refused, and the last good one is served.',
      registers: [this.#registry],
    });
    this.#refused.set(Number(isRefused));
  }
}
