/** Policies that stop every picture at one place: all exits before it are passed, none after it is run. Pure. */

import type { Cascade } from '../../src/cascade/cascade.js';
import type { Plan } from '../../src/policy/plan.js';
import { PolicyFile } from '../../src/policy/schema.js';

export interface Depth {
  /** Of the policy, and so of its file. */
  readonly name: string;
  /** Whose route it walks. */
  readonly walk: string;
  /** Exits that are passed, the last one answers. */
  readonly exits: number;
  /** Where it stops. */
  readonly rung: string;
  readonly exit: number;
  readonly policy: PolicyFile;
}

/** One for each exit of the plan's route, in the order in which a picture comes to them. */
export function depthsOf(plan: Plan, cascade: Cascade): readonly Depth[] {
  const depths: Depth[] = [];
  for (const [at, { rung, thresholds }] of plan.legs.entries()) {
    for (const stage of thresholds.keys()) {
      const exits = depths.length + 1;
      // All pictures come to the end, so that they are decoded as is best for that.
      const route = plan.legs.slice(0, at + 1).map((leg, index) => ({
        rung: cascade.rungs[leg.rung]!.id,
        thresholds: leg.thresholds.slice(0, index === at ? stage + 1 : undefined).map(() => null),
        reach: 1,
      }));
      depths.push({
        name: `${plan.policy}-depth-${exits}`,
        walk: plan.policy,
        exits,
        rung: cascade.rungs[rung]!.id,
        exit: stage + 1,
        policy: PolicyFile.parse({ kind: 'threshold', cascades: { [cascade.name]: { route } } }),
      });
    }
  }
  return depths;
}

export interface Line {
  readonly intercept: number;
  readonly slope: number;
  /** Share of the variance that it explains. */
  readonly r2: number;
}

/** Least squares. */
export function lineThrough(points: readonly { readonly x: number; readonly y: number }[]): Line {
  const mean = (value: (point: { x: number; y: number }) => number) =>
    points.reduce((sum, point) => sum + value(point), 0) / points.length;
  const [x, y] = [mean((point) => point.x), mean((point) => point.y)];
  const xx = mean((point) => (point.x - x) ** 2);
  const yy = mean((point) => (point.y - y) ** 2);
  const xy = mean((point) => (point.x - x) * (point.y - y));
  const slope = xx === 0 ? 0 : xy / xx;
  return { intercept: y - slope * x, slope, r2: xx === 0 || yy === 0 ? 1 : xy ** 2 / (xx * yy) };
}
