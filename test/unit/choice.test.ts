import { describe, expect, it } from 'vitest';
import { Catalog, numbered } from '../../src/gateway/catalog.js';
import { choose } from '../../src/gateway/choice.js';
import { Steering } from '../../src/gateway/steering.js';
import type { Service } from '../../src/policy/service.js';
import { somePlan } from '../support/plan.js';

const points = ['dear', 'middle', 'cheap'].map((point, at) =>
  somePlan([], { cascade: 'c', policy: 'p', point, expected: { macs: 100 / 2 ** at, agreement: 1 } }),
);
const goal = { latency_p95_ms: 100 };
const service: Service = { cascade: 'c', policy: 'p', points, floor: 2, goal, audit: { share: 1, min_agreement: 0.9 } };
const full = somePlan([], { cascade: 'c', policy: 'full' });
let id = 0;
const plans = numbered([...points, full], [], () => id++);
const catalog = new Catalog([], [], [service], plans, { cascade: 'c', policy: 'p' });
const wish = { cascade: 'c', policy: 'p' };
const crowd = () => ({ outstanding: 1000, lanes: 2 });

describe('an experiment', () => {
  const other: Service = { ...service, policy: 'q' };
  const tried = { ...service, canary: { policy: 'q', share: 0.5 } } as Service;
  const both = new Catalog([], [], [tried, other], plans, { cascade: 'c', policy: 'p' });
  const policies = (steering: Steering) => {
    const asked = Array.from({ length: 60 }, () => choose(both, wish, steering, crowd).service.policy);
    return [...new Set(asked)].sort();
  };

  it('takes its share of those who ask for the policy, but not of those who measure it', () => {
    expect(policies(new Steering())).toEqual(['p', 'q']);
    expect(policies(new Steering({}, false))).toEqual(['p']);
  });
});

describe('the goal that a request is refused for', () => {
  it('is none while a cheaper point can be turned to', () => {
    const { point, goalMs } = choose(catalog, wish, new Steering(), () => ({ outstanding: 0, lanes: 2 }));
    expect([point, goalMs]).toEqual([0, undefined]);
  });

  it('is that of the policy at the cheapest point, also where audits have taken the cheaper ones away', () => {
    const steering = new Steering();
    /** All who ask until it turns no more. */
    const settled = () => {
      const before = steering.current(service);
      for (let now = 0; now < 3000; now += 10) {
        const macs = points[Math.max(0, steering.choose(service, crowd, now))]!.expected!.macs;
        steering.answered(service, { decodeMs: 1, inferenceMs: macs / 10 } as never, macs, now);
      }
      const { point, goalMs } = choose(catalog, wish, steering, crowd);
      for (let i = 0; i < 60; i++) steering.audited(service, point, false);
      return { before, point, goalMs };
    };
    expect([settled(), settled(), settled(), settled()]).toEqual([
      { before: 0, point: 2, goalMs: 100 },
      { before: 1, point: 1, goalMs: 100 },
      { before: 0, point: 0, goalMs: 100 },
      { before: -1, point: -1, goalMs: 100 },
    ]);
  });
});
