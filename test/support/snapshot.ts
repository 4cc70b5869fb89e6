/** Figures of the console, as a gateway would give them. */

import type { ServiceFigures, Snapshot } from '../../src/http/snapshot.js';

export const place = { backbone: 'net', width: 1, resolution: 32 };

export function service(policy: string, answered: number, more: Partial<ServiceFigures> = {}): ServiceFigures {
  return {
    cascade: 'animals',
    policy,
    answered,
    macs: 30 * answered,
    full_macs: 100 * answered,
    latency: [
      { ms: 10, answers: answered / 2 },
      { ms: 20, answers: answered },
      { ms: null, answers: answered },
    ],
    exits: [{ ...place, exit: 1, answers: answered }],
    ...more,
  };
}

export function snapshot(atMs: number, services: readonly ServiceFigures[], more: Partial<Snapshot> = {}): Snapshot {
  return {
    started_ms: 5,
    version: '1.0.0',
    page: '',
    at_ms: atMs,
    counts: true,
    lanes: { ready: 1, starting: 0, retiring: 0 },
    catalogue: '',
    cascades: [],
    serving: [],
    queued: 0,
    refused: 0,
    services,
    ...more,
  };
}
