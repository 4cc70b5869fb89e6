/** The schema of models/CASCADE/cascade.yaml: the servable unit as a person reads it. */

import { z } from 'zod';

const side = z.int().min(8).max(2048).describe('side of the square input, pixels');

/** A name that is one folder or a part of a file's name, and needs no quotes in a shell or a URL. */
export const NAME = /^[a-z0-9][a-z0-9_.-]*$/;
export const NAME_ALLOWED = 'allowed: a-z 0-9 . _ -';

/** No absolute path, and none that leaves the folder. */
const BELOW = /^(?!\/)(?!(?:.*\/)?\.\.(?:\/|$)).+$/;

const stage = z.strictObject({
  file: z
    .string()
    .regex(BELOW, 'allowed: a file in the folder of cascade.yaml or below it')
    .describe('ONNX file of this stage, relative to cascade.yaml'),
  inputs: z
    .array(z.string().min(1))
    .min(1)
    .describe('tensors that the stage takes: the image, or features of earlier stages'),
  features: z.array(z.string().min(1)).describe('tensors that it makes for later stages; none at the last exit'),
  logits: z.string().min(1).describe('tensor [n, classes] float32 of this exit'),
});

const graph = z.strictObject({
  backbone: z.string().regex(NAME, NAME_ALLOWED),
  width: z.number().gt(0).max(1).default(1),
  resolutions: z
    .array(side)
    .min(1)
    .describe('that this graph was made for: its batch norms may be those of one resolution'),
  stages: z.array(stage).min(1).describe('one per exit, shallow to deep'),
});

const rung = z.strictObject({
  backbone: z.string().min(1),
  width: z.number().gt(0).max(1).default(1),
  resolution: side,
  temperatures: z.array(z.number().positive()).optional().describe('one per exit: logits are divided by it; default 1'),
  accuracy: z.array(z.number().min(0).max(1)).optional().describe('one per exit: measured top-1, for people'),
});

const label = z.union(
  [z.string().min(1), z.strictObject({ name: z.string().min(1), wnid: z.string().min(1).optional() })],
  'expected a name, or {name, wnid}',
);

/** How pictures are resized, in the words of libvips. */
export const Kernel = z.enum(['nearest', 'linear', 'cubic', 'mitchell', 'lanczos2', 'lanczos3']);
export type Kernel = z.output<typeof Kernel>;

/** cascade.yaml. */
export const Manifest = z.strictObject({
  description: z.string().default(''),
  default: z
    .boolean()
    .optional()
    .describe('true: answers requests that name no cascade; the first by name does where none says so'),
  labels: z.array(label).min(2).describe('in the order of the logits'),
  input: z.strictObject({
    layout: z
      .enum(['nhwc-uint8', 'nchw-float32'])
      .describe('what the first stage takes; float32 holds 0..255 divided by scale'),
    tensor: z.string().min(1).describe('name of the image tensor'),
    scale: z.number().positive().default(1).describe('nchw-float32 only: pixel values are divided by it'),
    kernel: Kernel.default('cubic'),
  }),
  graphs: z.array(graph).min(1).describe('stage files by backbone, width and resolutions'),
  rungs: z.array(rung).min(1).describe('cheap to dear; the last rung at its last exit is the full network'),
});

/** A parsed cascade.yaml. */
export type Manifest = z.output<typeof Manifest>;
export type Graph = Manifest['graphs'][number];
