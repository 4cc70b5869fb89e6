/** The way of one picture through the cascade, as it is drawn: rungs cheap to dear, exits shallow to deep. Pure. */

import type { WalkRule } from '../policy/schema.js';
import type { Answer, Cascade, Policy, Rung, Step } from './api-types.js';

export interface WayExit {
  readonly exit: number;
  /** Of the stage that ends here. */
  readonly macs: number;
  /** left: here the answer was given; saved: never run. */
  readonly state: 'passed' | 'left' | 'saved';
  readonly score?: number;
  /** null: nothing leaves here by its score. */
  readonly threshold: number | null;
  /** Place in the order in which the picture came, from 0; of exits that it came to. */
  readonly order?: number;
}

export interface WayRung {
  readonly rung: Rung;
  readonly exits: readonly WayExit[];
  /** The picture was in it. */
  readonly isEntered: boolean;
}

export interface Way {
  readonly rungs: readonly WayRung[];
  /** The top of the gauges: 1, or more where scores count exits. */
  readonly top: number;
}

const sameRung = (a: Omit<Step, 'exit' | 'score' | 'threshold'>, b: typeof a) =>
  a.backbone === b.backbone && a.width === b.width && a.resolution === b.resolution;

/** @param walk the route that the policy has; without it, only what the picture has seen is drawn */
export function wayOf({ route }: Answer, cascade: Cascade, walk: WalkRule | undefined): Way {
  const { steps } = route;
  const left = steps.findLastIndex((step) => sameRung(step, route) && step.exit === route.exit);
  const rungs = rungsOf(steps, cascade, walk).map(({ rung, thresholds }): WayRung => {
    const exits = rung.exits.slice(0, thresholds.length).map(({ exit, macs }, at): WayExit => {
      const order = steps.findIndex((step) => sameRung(step, rung) && step.exit === exit);
      const stage = { exit, macs: macs - (rung.exits[at - 1]?.macs ?? 0) };
      if (order < 0) return { ...stage, state: 'saved', threshold: thresholds[at]! };
      const { score, threshold } = steps[order]!;
      return { ...stage, state: order === left ? 'left' : 'passed', score, threshold, order };
    });
    return { rung, exits, isEntered: exits.some(({ state }) => state !== 'saved') };
  });
  const heights = rungs.flatMap(({ exits }) => exits.flatMap(({ score, threshold }) => [score ?? 0, threshold ?? 0]));
  return { rungs, top: Math.max(1, ...heights) };
}

/** Those of the policy, when the picture went by them; else (an experiment, an audit that put the full network in) those it saw. */
function rungsOf(
  steps: readonly Step[],
  { rungs }: Cascade,
  walk: WalkRule | undefined,
): readonly { readonly rung: Rung; readonly thresholds: readonly (number | null)[] }[] {
  const legs = (walk?.route ?? []).flatMap((leg) => {
    const rung = rungs.find(({ id }) => id === leg.rung);
    return rung === undefined ? [] : [{ rung, thresholds: leg.thresholds }];
  });
  const isOnRoute = (step: Step) =>
    legs.some(({ rung, thresholds }) => sameRung(step, rung) && step.exit <= thresholds.length);
  if (steps.every(isOnRoute)) return legs;
  return rungs
    .filter((rung) => steps.some((step) => sameRung(step, rung)))
    .map((rung) => ({ rung, thresholds: rung.exits.map(() => null) }));
}

/** The route that an answer went by, where the policies that are known have it. */
export function walkOf({ cascade, policy, route }: Answer, policies: readonly Policy[]): WalkRule | undefined {
  const known = policies.find(({ name, version }) => name === policy && version === route.policy_version);
  if (known === undefined || known.content.kind === 'full') return undefined;
  const rule = known.content.cascades[cascade];
  if (rule?.route !== undefined) return { route: rule.route, entry: rule.entry };
  return rule?.points?.find(({ name }) => name === route.point);
}

/** Why the answer was given where it was. */
export function reasonOf({ route }: Answer): string {
  switch (route.reason) {
    case 'confident':
      return 'The score reached the threshold.';
    case 'final':
      return 'The last exit always answers.';
    case 'deadline':
      return 'The time was up: the surest exit so far answered.';
    case 'budget':
      return 'The budget was spent: the surest exit so far answered.';
  }
}
