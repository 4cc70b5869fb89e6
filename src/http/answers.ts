/**
 * What the endpoints answer with, as schemas. Three things are made of them, so that none can say something else: the types of
 * the routes, /openapi.json, and the types of the client (`npm run docs`).
 */

import { z } from 'zod';
import { PolicyFile } from '../policy/schema.js';

const milliseconds = z.number().min(0);
const macs = z.int().positive();

const place = {
  backbone: z.string().min(1),
  width: z.number().gt(0).max(1).describe('share of the channels of a slimmable backbone'),
  resolution: z.int().positive().describe('side of the square input, pixels'),
  exit: z.int().positive().describe('of this rung, from 1'),
};
const score = z
  .number()
  .min(0)
  .describe('what the exit said, calibrated; what it is depends on the score of the policy');

export const Prediction = z.strictObject({
  index: z.int().min(0).describe('of the class, in the order of the logits'),
  label: z.string().min(1),
  wnid: z.string().min(1).optional().describe('WordNet ID, where the cascade names it'),
  probability: z.number().min(0).max(1),
});

export const Step = z
  .strictObject({
    ...place,
    score,
    threshold: z.number().min(0).nullable().describe('null: this exit never answers'),
    exited: z.boolean().describe('the answer is of this exit'),
  })
  .describe('an exit that was passed');

/** The body of a 200 of POST /v1/classify. */
export const Classification = z.strictObject({
  id: z.uuid().describe('of the request, as in X-Request-Id'),
  cascade: z.string().min(1),
  policy: z.string().min(1),
  predictions: z.array(Prediction).min(1).describe('most probable first'),
  route: z
    .strictObject({
      ...place,
      score,
      reason: z
        .enum(['confident', 'final', 'deadline', 'budget'])
        .describe('why it stopped: sure enough, the last exit, no time left, no computation left'),
      point: z.string().min(1).optional().describe('operating point, of policies that have several'),
      policy_version: z.string().min(1).describe('of the content of the policy'),
      steps: z.array(Step).min(1).optional().describe('with explain=true: every exit that was passed'),
    })
    .describe('the exit that answered'),
  cost: z.strictObject({
    macs: macs.describe('multiply-accumulates of this picture, counted from the graphs'),
    full_macs: macs.describe('of the static choice: the last rung to its last exit'),
    ratio: z.number().min(0).describe('macs / full_macs'),
    queue_ms: milliseconds.describe('all waiting: for a lane, a decoder, a batch'),
    decode_ms: milliseconds,
    inference_ms: milliseconds.describe('share of this picture in the batches that it was part of'),
    total_ms: milliseconds,
  }),
});
export type Classification = z.output<typeof Classification>;

export const Exit = z.strictObject({
  exit: place.exit,
  macs: macs.describe('of one picture, from the start of the rung to here'),
  batch: z.int().positive().describe('pictures a run with the best throughput on this machine'),
  accuracy: z.number().min(0).max(1).optional().describe('top-1, as cascade.yaml says it'),
});

export const Rung = z.strictObject({
  id: z.string().min(1).describe('backbone/width@resolution'),
  backbone: place.backbone,
  width: place.width,
  resolution: place.resolution,
  exits: z.array(Exit).min(1),
});

export const Cascade = z.strictObject({
  name: z.string().min(1),
  default: z.boolean().describe('answers requests that name no cascade'),
  description: z.string(),
  classes: z.int().positive(),
  full_macs: macs,
  policies: z.array(z.string()).describe('that speak of this cascade'),
  rungs: z.array(Rung).min(1).describe('cheap to dear'),
});
export type Cascade = z.output<typeof Cascade>;

export const CascadeList = z.strictObject({ cascades: z.array(Cascade) });

export const Label = z.strictObject({ name: z.string().min(1), wnid: z.string().min(1).optional() });

/** GET /v1/cascades/NAME. */
export const CascadeWithLabels = z.strictObject({
  ...Cascade.shape,
  labels: z.array(Label).describe('in the order of the logits'),
});

const named = {
  name: z.string().min(1),
  default: z.boolean().describe('answers requests that name no policy'),
  version: z.string().min(1).describe('of the content of the file'),
};
const points = z
  .record(z.string(), z.string())
  .optional()
  .describe('by cascade: the operating point that serves now; of policies that have several, or audits');
const cascades = z.array(z.string()).describe('that it is used on');

export const Policy = z.strictObject({
  ...named,
  kind: z.enum(['full', 'threshold']),
  description: z.string(),
  cascades,
  points,
});
export type Policy = z.output<typeof Policy>;

export const Reload = z
  .strictObject({
    at: z.iso.datetime(),
    result: z.enum(['accepted', 'rejected']),
    errors: z.array(
      z.strictObject({
        file: z.string(),
        key: z.string().describe('in the file; empty: the file as a whole'),
        reason: z.string().describe('what was found, and what is allowed'),
      }),
    ),
  })
  .describe('the last change of models/ and policies/ that was tried');

export const PolicyList = z.strictObject({
  policies: z.array(Policy),
  reload: Reload.nullable().describe('null: nothing was changed since the start'),
});

const [full, threshold] = PolicyFile.options;

/** GET /v1/policies/NAME: the keys of its file, beside what the list says of it. `cascades` is the file's where it has one. */
export const PolicyWithContent = z.discriminatedUnion('kind', [
  z.strictObject({ ...full.shape, ...named, cascades, points }),
  z.strictObject({ ...threshold.shape, ...named, points }),
]);

export const Live = z.strictObject({ status: z.literal('live') });

export const Ready = z.strictObject({
  status: z.enum(['ready', 'not ready']),
  lanes: z.strictObject({ ready: z.int().min(0), starting: z.int().min(0) }),
});

/** GET / for those who ask for no page. */
export const Index = z.strictObject({
  service: z.literal('sluice'),
  classify: z.string(),
  cascades: z.string(),
  policies: z.string(),
  openapi: z.string(),
});

/** Every error: RFC 9457. */
export const Problem = z
  .strictObject({
    type: z.string().regex(/^urn:sluice:problem:[a-z_]+$/),
    title: z.string().min(1),
    status: z.int().min(400).max(599),
    detail: z.string().min(1).describe('for people'),
    code: z
      .string()
      .regex(/^[a-z_]+$/)
      .describe('for programs; never changes its meaning'),
  })
  .describe('problem details, RFC 9457');
