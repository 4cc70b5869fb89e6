/** The schema of policies/NAME.yaml: how a cascade is walked. */

import { z } from 'zod';
import { CONTENT } from './entry.js';

const threshold = z.number().min(0).max(1);

const entry = z
  .strictObject({
    rung: z.string().min(1).describe('of the route: where pictures enter that the rungs before it would hardly answer'),
    above: z.number().gt(0).lt(1).describe('enter there when the probability is at least this'),
    intercept: z.number(),
    weights: z.strictObject(
      Object.fromEntries(CONTENT.map((name) => [name, z.number()])) as Record<(typeof CONTENT)[number], z.ZodNumber>,
    ),
  })
  .describe('logistic model of the probability that the rungs before `rung` do not answer; fitted by `sluice tune`');

const leg = z.strictObject({
  rung: z.string().min(1).describe('backbone/width@resolution, as in cascade.yaml'),
  thresholds: z
    .array(threshold.nullable())
    .min(1)
    .describe(
      'one per exit: leave when the score is at least this; null: never leave here. Exits beyond the list are not run',
    ),
  reach: z
    .number()
    .min(0)
    .max(1)
    .optional()
    .describe(
      'share of pictures that come so far, as tuned: decides how large to decode; default: half of the rung before',
    ),
});

const route = z.strictObject({
  budget_macs: z
    .number()
    .positive()
    .optional()
    .describe('after its first exit a picture goes on only where its multiply-accumulates stay within this'),
  entry: entry.optional().describe('entry by content; without it every picture enters at the first rung'),
  route: z.array(leg).min(1).describe('rungs in the order in which a picture climbs them'),
});

/** A policy file. `full` walks the last rung to its last exit in any cascade; `threshold` lists its cascades. */
export const PolicyFile = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('full'), description: z.string().default('') }),
  z.strictObject({
    kind: z.literal('threshold'),
    description: z.string().default(''),
    score: z
      .literal('max_probability')
      .default('max_probability')
      .describe('softmax of logits / temperature, its maximum'),
    cascades: z.record(z.string().min(1), route).refine((map) => Object.keys(map).length > 0, 'at least one cascade'),
  }),
]);

export type PolicyFile = z.output<typeof PolicyFile>;

export type EntryRule = z.output<typeof entry>;
