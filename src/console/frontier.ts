/** The operating points of a policy on a cascade, as the slider shows them. Pure. */

import type { Cascade, Policy } from './api-types.js';

export interface FrontierPoint {
  readonly name: string;
  /** Mean of a picture. */
  readonly macs: number;
  /** Of the full network's. */
  readonly ratio: number;
  /** Share of right answers, where labels were known. */
  readonly top1?: number;
  /** Share of answers that are the full network's. */
  readonly agreement: number;
  /** Serves now. */
  readonly isServing: boolean;
}

export interface Frontier {
  /** Cheap to dear: to the right is more. */
  readonly points: readonly FrontierPoint[];
  /** What the frontier is drawn by: top-1 where all points have it. */
  readonly quality: 'top1' | 'agreement';
}

/** Undefined where the policy has one route. */
export function frontierOf(policy: Policy, cascade: Cascade): Frontier | undefined {
  if (policy.content.kind === 'full') return undefined;
  const points = policy.content.cascades[cascade.name]?.points;
  if (points === undefined) return undefined;
  const shown = points.map(({ name, expected: { macs, top1, agreement } }) => ({
    name,
    macs,
    ratio: macs / cascade.full_macs,
    ...(top1 === undefined ? {} : { top1 }),
    agreement,
    isServing: policy.serving[cascade.name] === name,
  }));
  return {
    points: shown.reverse(),
    quality: shown.every(({ top1 }) => top1 !== undefined) ? 'top1' : 'agreement',
  };
}
