/** The schema of policies/NAME.yaml: how a cascade is walked. Editors and docs/policies.md get theirs from this one. */

import { z } from 'zod';
import { NAME, NAME_ALLOWED } from '../cascade/manifest.js';
import { CONTENT } from './entry.js';
import { GATE, SCORES } from './score.js';

/** An object with one number a name. */
function numbers<const Name extends string>(names: readonly Name[]) {
  return z.strictObject(Object.fromEntries(names.map((name) => [name, z.number()])) as Record<Name, z.ZodNumber>);
}

const entry = z
  .strictObject({
    rung: z.string().min(1).describe('of the route: where pictures enter that the rungs before it would hardly answer'),
    above: z.number().gt(0).lt(1).describe('enter there when the probability is at least this'),
    intercept: z.number().describe('of the model'),
    weights: numbers(CONTENT).describe('of the model, one per feature of the picture'),
  })
  .describe('logistic model of the probability that the rungs before `rung` do not answer; fitted by `sluice tune`');

const gate = z
  .strictObject({ intercept: z.number(), weights: numbers(GATE) })
  .describe('logistic model of the probability that this exit says what the full network would say');

const skip = z
  .strictObject({
    exit: z.int().min(1).describe('of this rung, from 1'),
    below: z.number().min(0).describe('a score under this is hopeless'),
    to: z.string().min(1).describe('later rung of the route that such a picture goes to at once'),
  })
  .describe('passes over exits and rungs that would hardly help');

const leg = z.strictObject({
  rung: z.string().min(1).describe('backbone/width@resolution, as in cascade.yaml'),
  thresholds: z
    .array(z.number().min(0).nullable())
    .min(1)
    .describe(
      'one per exit: leave when the score is at least this; null: never leave here. Exits beyond the list are not run',
    ),
  gates: z.array(gate.nullable()).min(1).optional().describe('score `gate` only: one per exit; null where it has none'),
  blend: z
    .array(z.number().min(0).lt(1))
    .min(1)
    .optional()
    .describe(
      'not on the first rung: one per exit, the share that the last exit of the rung before has in what this one says; default: 0',
    ),
  skip: skip.optional(),
  reach: z
    .number()
    .min(0)
    .max(1)
    .optional()
    .describe(
      'share of pictures that come so far, as tuned: decides how large to decode what is no plain JPEG; default: half of the rung before',
    ),
});

const entryHere = entry.optional().describe('entry by content; without it every picture enters at the first rung');
const route = z.array(leg).min(1).describe('rungs in the order in which a picture climbs them');

const point = z
  .strictObject({
    name: z.string().regex(NAME, NAME_ALLOWED).describe('in answers and metrics'),
    expected: z
      .strictObject({
        macs: z.number().positive().describe('mean multiply-accumulates of a picture'),
        top1: z.number().min(0).max(1).optional().describe('share of right answers'),
        agreement: z.number().min(0).max(1).describe('share of answers that are those of the full network'),
      })
      .describe('as `sluice tune` measured it'),
    entry: entryHere,
    route,
  })
  .describe('operating point');

const guarantee = z
  .strictObject({
    risk: z.number().gt(0).lt(1).describe('at most this share of answers differs from the full network'),
    confidence: z.number().gt(0).lt(1).describe('the probability that this is so, over the draw of the pictures'),
    pictures: z.int().positive().describe('how many it was tested on'),
  })
  .describe(
    'for people: what `sluice tune --risk` showed of the route, or of the first point, on pictures like those it was tested on',
  );

const cascade = z.strictObject({
  budget_macs: z
    .number()
    .positive()
    .optional()
    .describe('after its first exit a picture goes on only where its multiply-accumulates stay within this'),
  class_thresholds: z
    .record(z.string().min(1), z.number().min(0))
    .optional()
    .describe('label: least score with which an exit before the last may answer with it; where a wrong answer is dear'),
  entry: entryHere,
  route: route.optional(),
  points: z
    .array(point)
    .min(1)
    .optional()
    .describe('in place of route: dear to cheap; the first serves unless a goal or an audit chooses another'),
  floor: z.string().min(1).optional().describe('cheapest point that a goal may choose; default: the last'),
  guarantee: guarantee.optional(),
});

const goal = z
  .strictObject({
    latency_p95_ms: z
      .number()
      .positive()
      .optional()
      .describe('this or macs_per_second: 19 of 20 requests shall be answered within this'),
    macs_per_second: z
      .number()
      .positive()
      .optional()
      .describe(
        'this or latency_p95_ms: most multiply-accumulates a second of this policy; only where a cascade has two points down to its floor',
      ),
  })
  .describe(
    'service goal, exactly one key: under load the gateway serves cheaper points, and dearer ones again when the load goes',
  );

const canary = z
  .strictObject({
    policy: z.string().min(1).describe('that a share of the requests is answered with instead'),
    share: z.number().gt(0).lt(1),
    sticky_header: z
      .string()
      .regex(/^[A-Za-z0-9-]+$/, 'allowed: the name of a header')
      .optional()
      .describe('requests with the same value of this header get the same policy; without it each is drawn by itself'),
  })
  .describe('experiment between two policies');

const audit = z
  .strictObject({
    share: z
      .number()
      .gt(0)
      .max(1)
      .describe('of the early exits that are checked with the full network, after the answer'),
    min_agreement: z
      .number()
      .gt(0)
      .lt(1)
      .optional()
      .describe('when the checked answers agree less than this, beyond chance, a dearer point is served (drift)'),
  })
  .describe('checks early exits on live traffic, when lanes have nothing else to do');

const threshold = z.strictObject({
  kind: z.literal('threshold'),
  description: z.string().default(''),
  score: z.enum(SCORES).default('max_probability').describe('what an exit compares with its threshold'),
  ensemble: z
    .enum(['none', 'mean'])
    .default('none')
    .describe('mean: an exit speaks for all exits passed so far, with the mean of their probabilities'),
  goal: goal.optional(),
  canary: canary.optional(),
  audit: audit.optional(),
  cascades: z.record(z.string().min(1), cascade).refine((map) => Object.keys(map).length > 0, 'at least one cascade'),
});

/** A policy file. `full` walks the last rung to its last exit in any cascade; `threshold` lists its cascades. */
export const PolicyFile = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('full'), description: z.string().default('') }),
  threshold.superRefine(checkPolicy),
]);

export type PolicyFile = z.output<typeof PolicyFile>;
export type ThresholdPolicy = z.output<typeof threshold>;
export type CascadeRule = z.output<typeof cascade>;
export type WalkRule = { readonly entry?: EntryRule | undefined; readonly route: readonly LegRule[] };
export type LegRule = z.output<typeof leg>;
export type EntryRule = z.output<typeof entry>;
export type Goal = z.output<typeof goal>;
export type Canary = z.output<typeof canary>;
export type Audit = z.output<typeof audit>;

/** The walks of a cascade with the keys that lead to them. */
export function walksOf(rule: CascadeRule): { readonly key: readonly (string | number)[]; readonly walk: WalkRule }[] {
  const points = (rule.points ?? []).map((walk, at) => ({ key: ['points', at], walk }));
  return rule.route === undefined ? points : [{ key: [], walk: { entry: rule.entry, route: rule.route } }, ...points];
}

type Path = (string | number)[];

/** What the shape of the file cannot say. */
function checkPolicy({ goal, score, ensemble, cascades }: ThresholdPolicy, context: z.RefinementCtx): void {
  const refuse = (path: Path, input: unknown, message: string) =>
    context.addIssue({ code: 'custom', path, input, message });
  if (goal !== undefined && Object.keys(goal).length !== 1)
    refuse(['goal'], goal, 'allowed: one of latency_p95_ms, macs_per_second');
  // A goal of latency refuses who would wait too long also where there is nothing to choose from.
  if (goal?.macs_per_second !== undefined && !Object.values(cascades).some(hasChoice))
    refuse(
      ['goal', 'macs_per_second'],
      goal.macs_per_second,
      'allowed: where a cascade has two points to choose from, down to its floor',
    );
  // Scores are shares of one, but patience counts exits.
  const counts = score === 'patience';
  const isScore = (value: number) => (counts ? Number.isInteger(value) && value >= 1 : value <= 1);
  const checkScore = (path: Path, value: number | null) => {
    if (value === null || isScore(value)) return;
    refuse(path, value, counts ? 'allowed with score patience: whole numbers from 1' : 'allowed: 0 to 1');
  };
  for (const [name, rule] of Object.entries(cascades)) {
    const here = ['cascades', name];
    checkPoints(rule, here, refuse);
    for (const [label, value] of Object.entries(rule.class_thresholds ?? {}))
      checkScore([...here, 'class_thresholds', label], value);
    for (const { key, walk } of walksOf(rule)) {
      for (const [at, { thresholds, skip, blend }] of walk.route.entries()) {
        const path = [...here, ...key, 'route', at];
        for (const [exit, value] of thresholds.entries()) checkScore([...path, 'thresholds', exit], value);
        if (skip !== undefined) checkScore([...path, 'skip', 'below'], skip.below);
        if (blend === undefined) continue;
        if (at === 0) refuse([...path, 'blend'], blend, 'allowed: on a rung with another before it');
        if (blend.length > thresholds.length)
          refuse([...path, 'blend'], blend, `allowed: at most ${thresholds.length} shares, one per threshold`);
        if (ensemble !== 'none') refuse([...path, 'blend'], blend, `allowed: without ensemble ${ensemble}`);
      }
    }
  }
}

/** Whether a goal has more than one point to choose from. */
function hasChoice({ points = [], floor }: CascadeRule): boolean {
  return points.length > 1 && floor !== points[0]!.name;
}

function checkPoints(rule: CascadeRule, here: Path, refuse: (path: Path, input: unknown, message: string) => void) {
  const { route, points, entry, floor } = rule;
  if ((route === undefined) === (points === undefined))
    refuse(here, Object.keys(rule), 'allowed: route, or points, one of the two');
  if (points === undefined) {
    if (floor !== undefined) refuse([...here, 'floor'], floor, 'allowed: with points only');
    return;
  }
  if (entry !== undefined) refuse([...here, 'entry'], 'an entry beside points', 'allowed: in each point');
  const names = points.map(({ name }) => name);
  for (const [at, name] of names.entries())
    if (names.indexOf(name) < at) refuse([...here, 'points', at, 'name'], name, 'allowed: a name of its own');
  if (floor !== undefined && !names.includes(floor)) refuse([...here, 'floor'], floor, `allowed: ${names.join(', ')}`);
  for (const [at, { expected }] of points.entries()) {
    const dearer = points[at - 1]?.expected.macs;
    if (dearer !== undefined && expected.macs > dearer)
      refuse(
        [...here, 'points', at, 'expected', 'macs'],
        expected.macs,
        `allowed: at most ${dearer}, as of the point before`,
      );
  }
}
