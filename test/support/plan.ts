/** A plan of max-probability thresholds, for tests of what walks it. */

import type { Leg, Plan } from '../../src/policy/plan.js';

export function somePlan(legs: readonly Leg[], more: Partial<Plan> = {}): Plan {
  return {
    cascade: 'c',
    policy: 'p',
    version: '1',
    score: 'max_probability',
    ensemble: 'none',
    legs,
    budgetMacs: Number.POSITIVE_INFINITY,
    classThresholds: {},
    ...more,
  };
}
