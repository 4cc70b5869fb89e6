/** What happens after an exit has spoken. Pure: the same input gives the same step. */

import type { CascadeFacts } from '../cascade/cascade.js';
import type { Plan } from './plan.js';

/** A place in a plan: which leg, and which of its stages (both from 0). */
export interface Position {
  readonly leg: number;
  readonly stage: number;
}

/** An exit that a picture has passed, with what it said. */
export interface ExitScore extends Position {
  readonly score: number;
  /** Most probable class. */
  readonly guess: number;
}

/** Why a picture stopped where it did; part of the HTTP contract. */
export type Reason = 'confident' | 'final' | 'deadline' | 'budget';

export type Step =
  | { readonly kind: 'answer'; readonly reason: Reason /** Index in `passed`. */; readonly exit: number }
  | { readonly kind: 'continue'; readonly next: Position };

/** The clock and the purse of one picture. */
export interface Means {
  /** Milliseconds until the deadline; Infinity without one. */
  readonly leftMs: number;
  /** Multiply-accumulates spent so far. */
  readonly spentMacs: number;
}

/** The next stage of the walk: a later rung from a hopeless score, else deeper in the same rung, else the first stage of the next rung. */
export function following(plan: Plan, at: Position & { readonly score?: number }): Position | undefined {
  const leg = plan.legs[at.leg]!;
  const { skip } = leg;
  if (skip !== undefined && at.stage === skip.stage && at.score !== undefined && at.score < skip.below)
    return { leg: skip.leg, stage: 0 };
  if (at.stage + 1 < leg.thresholds.length) return { leg: at.leg, stage: at.stage + 1 };
  return at.leg + 1 < plan.legs.length ? { leg: at.leg + 1, stage: 0 } : undefined;
}

/** The score from which an exit answers; null: it never does. A class may ask for more than its exit does. */
export function thresholdAt(plan: Plan, { leg, stage, guess }: ExitScore): number | null {
  const threshold = plan.legs[leg]!.thresholds[stage] ?? null;
  return threshold === null ? null : Math.max(threshold, plan.classThresholds[guess] ?? 0);
}

/**
 * Decides after the last exit of `passed`.
 * Early stops (deadline, budget) answer with the surest exit so far: calibrated scores of different rungs can be compared.
 */
export function decide(plan: Plan, facts: CascadeFacts, passed: readonly ExitScore[], means: Means): Step {
  const here = passed.length - 1;
  const last = passed[here]!;
  const threshold = thresholdAt(plan, last);
  if (threshold !== null && last.score >= threshold) return { kind: 'answer', reason: 'confident', exit: here };
  const next = following(plan, last);
  if (next === undefined) return { kind: 'answer', reason: 'final', exit: here };
  const cost = facts[plan.legs[next.leg]!.rung]![next.stage]!;
  if (means.leftMs < cost.ms) return { kind: 'answer', reason: 'deadline', exit: surest(passed) };
  if (means.spentMacs + cost.macs > plan.budgetMacs) return { kind: 'answer', reason: 'budget', exit: surest(passed) };
  return { kind: 'continue', next };
}

/** Index of the exit with the highest score; the later one on ties. */
export function surest(passed: readonly ExitScore[]): number {
  return passed.reduce((best, exit, index) => (exit.score >= passed[best]!.score ? index : best), 0);
}
