/** How `sluice serve` ends: first it is not ready, then it takes nothing new, then it is gone. */

import { setTimeout as sleep } from 'node:timers/promises';
import type { Gateway } from '../gateway/gateway.js';
import type { HttpServer } from '../http/server.js';
import type { Logger } from '../telemetry/log.js';

/** For the last answers to leave. */
const FAREWELL_MS = 500;

export interface Stopping {
  readonly gateway: Gateway;
  readonly server: HttpServer;
  readonly log: Logger;
  /** How long new requests are answered after `/readyz` has said no. */
  readonly drainDelayMs: number;
  /** How long what runs may take after that. */
  readonly drainMs: number;
}

/**
 * Resolves when the last caller has an answer, or was told at the end of the time that there is none. A load balancer hears of
 * `/readyz` late (Kubernetes takes seconds to take a pod out of its Services), and sends callers until it does: for so long they
 * are answered as ever.
 */
export async function drain({ gateway, server, log, drainDelayMs, drainMs }: Stopping): Promise<void> {
  // Nobody was ever sent to a gateway that was not ready.
  const isKnown = gateway.ready;
  gateway.drain();
  if (isKnown && drainDelayMs > 0) {
    log.info({ drainDelayMs }, 'not ready from now on: answers until load balancers know');
    server.release();
    await sleep(drainDelayMs);
  }
  log.info({ drainMs }, 'stops: finishes what runs');
  // At the end of the time who still waits is told so, and then cut off.
  const late = setTimeout(() => void gateway.close(), drainMs);
  await server.close(drainMs + FAREWELL_MS);
  clearTimeout(late);
}

/**
 * Resolves when `stop` has run after the first SIGTERM or SIGINT.
 * @param now at a second signal, before the process ends at once
 */
export function stopOnSignal(stop: (signal: string) => Promise<void>, now: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    let stopping = false;
    const onSignal = (signal: NodeJS.Signals) => {
      if (stopping) {
        now();
        process.exit(1);
      }
      stopping = true;
      stop(signal).then(resolve, reject);
    };
    process.on('SIGTERM', onSignal);
    process.on('SIGINT', onSignal);
  });
}
