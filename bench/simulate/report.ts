/** What `bench simulate` writes. */

import { idealPerSecond, type Profile, workOf } from './profile.js';
import type { GatewaySweep, LaneSweep } from './sweep.js';
import { judgedPoint, type Validation } from './validate.js';

export interface SimulateResult {
  readonly where: { readonly cores: number };
  readonly pictures: string;
  readonly profile: Profile;
  readonly validation: Validation | undefined;
  readonly lanes: readonly LaneSweep[];
  readonly gateways: readonly GatewaySweep[];
  readonly goalMs: number;
  readonly options: { readonly requests: number; readonly seed: number };
}

export function simulateReport(result: SimulateResult) {
  const { where, pictures, profile, validation, lanes, gateways, goalMs, options } = result;
  return {
    bench: 'simulate',
    machine: where,
    pictures,
    requests: options.requests,
    seed: options.seed,
    profile,
    work_ms: workOf(profile),
    ideal_per_second_a_core: idealPerSecond(profile, 2) / 2,
    validation: validation && { capacity: validation.capacity, points: validation.points.map(judgedPoint) },
    goal_ms: goalMs,
    lanes,
    gateways,
  };
}

export type SimulateReport = ReturnType<typeof simulateReport>;
