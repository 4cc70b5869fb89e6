/** A plan is one operating point of a policy, resolved against one cascade: the lane walks it without looking at YAML or names again. */

import type { Cascade } from '../cascade/cascade.js';
import { ConfigError } from '../errors.js';
import { CONTENT, type Entry } from './entry.js';
import type { NamedPolicy } from './loader.js';
import {
  type CascadeRule,
  type EntryRule,
  type LegRule,
  type ThresholdPolicy,
  type WalkRule,
  walksOf,
} from './schema.js';
import { GATE, type Gate, type ScoreKind } from './score.js';

/** From a hopeless score straight to a later leg. */
export interface Skip {
  /** Of this leg, from 0. */
  readonly stage: number;
  readonly below: number;
  readonly leg: number;
}

/** One rung of the walk. */
export interface Leg {
  /** Index in {@link Cascade.rungs}. */
  readonly rung: number;
  /** One per exit that is run, shallow to deep; null: never leave here. */
  readonly thresholds: readonly (number | null)[];
  /** With score `gate`: one per exit. */
  readonly gates?: readonly (Gate | undefined)[];
  /** One per exit, where any: share of what the last exit of an earlier leg said. */
  readonly blend?: readonly number[];
  readonly skip?: Skip;
  /** Expected share of pictures that come so far. */
  readonly reach: number;
}

/** What `sluice tune` measured of an operating point. */
export interface Expected {
  /** Mean multiply-accumulates of a picture. */
  readonly macs: number;
  /** Share of right answers, where labels were known. */
  readonly top1?: number | undefined;
  /** Share of answers that are those of the full network. */
  readonly agreement: number;
}

export interface Plan {
  readonly cascade: string;
  readonly policy: string;
  /** Of the policy's content: the same text gives the same version. */
  readonly version: string;
  /** Name of the operating point; undefined where the policy has one route only. */
  readonly point?: string;
  readonly expected?: Expected;
  readonly score: ScoreKind;
  readonly ensemble: 'none' | 'mean';
  readonly legs: readonly Leg[];
  /** Multiply-accumulates that one picture may spend. */
  readonly budgetMacs: number;
  /** Least score for an early answer, by class. */
  readonly classThresholds: Readonly<Record<number, number>>;
  /** Entry by content; without it every picture enters at the first leg. */
  readonly entry?: Entry;
}

/**
 * Resolves a policy for a cascade: one plan per operating point, dear to cheap; none when the policy does not speak of that cascade.
 * @throws ConfigError when rungs, labels or numbers of exits do not fit the cascade
 */
export function plansFor(named: NamedPolicy, cascade: Cascade): readonly Plan[] {
  const { policy, name, version } = named;
  if (policy.kind === 'full') return [fullPlan(cascade, name, version)];
  const rule = Object.hasOwn(policy.cascades, cascade.name) ? policy.cascades[cascade.name] : undefined;
  if (rule === undefined) return [];
  const common = {
    cascade: cascade.name,
    policy: name,
    version,
    score: policy.score,
    ensemble: policy.ensemble,
    budgetMacs: rule.budget_macs ?? Number.POSITIVE_INFINITY,
    classThresholds: classThresholds(rule, cascade, named.file),
  };
  return walksOf(rule).map(({ key, walk }, at) => {
    const place = { file: named.file, key: ['cascades', cascade.name, ...key].reduce(joined, ''), policy };
    const point = rule.points?.[at];
    return {
      ...common,
      ...(point === undefined ? {} : { point: point.name, expected: point.expected }),
      legs: legsOf(walk, cascade, place),
      ...(walk.entry === undefined ? {} : { entry: entryOf(walk.entry, walk.route, place) }),
    };
  });
}

/** Where a walk stands, for errors. */
interface Place {
  readonly file: string;
  readonly key: string;
  readonly policy: ThresholdPolicy;
}

function joined(sofar: string, key: string | number): string {
  if (typeof key === 'number') return `${sofar}[${key}]`;
  return sofar === '' ? key : `${sofar}.${key}`;
}

function legsOf({ route }: WalkRule, cascade: Cascade, place: Place): readonly Leg[] {
  let reach = 2;
  const legs = route.map((leg, index): Leg => {
    const key = `${place.key}.route[${index}]`;
    const rung = cascade.rungs.findIndex((r) => r.id === leg.rung);
    if (rung < 0) {
      const known = cascade.rungs.map((r) => r.id).join(', ');
      throw new ConfigError(place.file, `${key}.rung`, `found "${leg.rung}"; ${cascade.name} has: ${known}`);
    }
    const exits = cascade.rungs[rung]!.stages.length;
    if (leg.thresholds.length > exits) {
      const reason = `found ${leg.thresholds.length} thresholds; ${leg.rung} has ${exits} exits`;
      throw new ConfigError(place.file, `${key}.thresholds`, reason);
    }
    reach = leg.reach ?? reach / 2;
    return {
      rung,
      thresholds: leg.thresholds,
      ...gatesOf(leg, key, place),
      ...(leg.blend === undefined ? {} : { blend: leg.blend }),
      ...(leg.skip === undefined ? {} : { skip: skipOf(leg, leg.skip, index, route, place) }),
      reach,
    };
  });
  const { thresholds } = legs.at(-1)!;
  if (thresholds.at(-1) !== null) {
    const key = `${place.key}.route[${legs.length - 1}].thresholds[${thresholds.length - 1}]`;
    const reason = `found ${thresholds.at(-1)}; allowed: null, the last exit of the last rung always answers`;
    throw new ConfigError(place.file, key, reason);
  }
  return legs;
}

function gatesOf(leg: LegRule, key: string, { policy, file }: Place): { gates?: readonly (Gate | undefined)[] } {
  if (policy.score !== 'gate') {
    if (leg.gates === undefined) return {};
    throw new ConfigError(
      file,
      `${key}.gates`,
      `found gates; allowed: with score gate, this policy has ${policy.score}`,
    );
  }
  if ((leg.gates?.length ?? 0) > leg.thresholds.length) {
    const reason = `found ${leg.gates!.length} gates; allowed: at most ${leg.thresholds.length}, one per threshold`;
    throw new ConfigError(file, `${key}.gates`, reason);
  }
  const skipAt = (leg.skip?.exit ?? 0) - 1;
  const gates = leg.thresholds.map((threshold, exit): Gate | undefined => {
    const gate = leg.gates?.[exit] ?? undefined;
    if (gate === undefined) {
      if (threshold === null && exit !== skipAt) return undefined;
      throw new ConfigError(
        file,
        `${key}.gates[${exit}]`,
        'found nothing; allowed: a gate, as its exit has a threshold or skips',
      );
    }
    return { intercept: gate.intercept, weights: GATE.map((name) => gate.weights[name]) };
  });
  return { gates };
}

function skipOf(
  leg: LegRule,
  { exit, below, to }: NonNullable<LegRule['skip']>,
  index: number,
  route: readonly LegRule[],
  { file, key }: Place,
): Skip {
  const at = route.findIndex(({ rung }, later) => later > index && rung === to);
  if (at < 0) {
    const later = route.slice(index + 1).map(({ rung }) => rung);
    const reason = `found "${to}"; allowed: a later rung of the route${later.length > 0 ? `: ${later.join(', ')}` : ', and this is its last'}`;
    throw new ConfigError(file, `${key}.route[${index}].skip.to`, reason);
  }
  if (exit > leg.thresholds.length) {
    const reason = `found ${exit}; allowed: 1 to ${leg.thresholds.length}, the exits that have a threshold`;
    throw new ConfigError(file, `${key}.route[${index}].skip.exit`, reason);
  }
  return { stage: exit - 1, below, leg: at };
}

function entryOf(entry: EntryRule, route: readonly LegRule[], { file, key }: Place): Entry {
  const leg = route.findIndex(({ rung }) => rung === entry.rung);
  if (leg < 1) {
    const allowed = route.slice(1).map(({ rung }) => rung);
    const reason = `found "${entry.rung}"; allowed: a rung of the route after the first${allowed.length > 0 ? `: ${allowed.join(', ')}` : ''}`;
    throw new ConfigError(file, `${key}.entry.rung`, reason);
  }
  const { above, intercept, weights } = entry;
  return { leg, above, intercept, weights: CONTENT.map((name) => weights[name]) };
}

function classThresholds(
  { class_thresholds = {} }: CascadeRule,
  cascade: Cascade,
  file: string,
): Record<number, number> {
  const entries = Object.entries(class_thresholds).map(([label, threshold]) => {
    const index = cascade.labels.findIndex(({ name, wnid }) => name === label || wnid === label);
    if (index < 0) {
      const reason = `found "${label}"; allowed: a label of ${cascade.name} (they stand in ${cascade.file})`;
      throw new ConfigError(file, `cascades.${cascade.name}.class_thresholds`, reason);
    }
    return [index, threshold] as const;
  });
  return Object.fromEntries(entries);
}

/** The static choice: the last rung to its last exit, no early exit. */
export function fullPlan(cascade: Cascade, name = 'full', version = 'built-in'): Plan {
  const rung = cascade.rungs.length - 1;
  const thresholds = cascade.rungs[rung]!.stages.map(() => null);
  return {
    cascade: cascade.name,
    policy: name,
    version,
    score: 'max_probability',
    ensemble: 'none',
    legs: [{ rung, thresholds, reach: 1 }],
    budgetMacs: Number.POSITIVE_INFINITY,
    classThresholds: {},
  };
}
