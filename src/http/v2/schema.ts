/**
 * Bodies of the Open Inference Protocol (KServe v2) and of Triton's binary tensor extension, as Sluice takes and gives them.
 * https://github.com/kserve/open-inference-protocol
 */

import { z } from 'zod';

/** Pictures in one request. */
export const MOST_PICTURES = 256;
const MOST_CLASSES = 1000;
const LONGEST_MS = 600_000;

const size = z.int().min(0).max(Number.MAX_SAFE_INTEGER);

/** A tensor's values in JSON: flat, or nested as its shape is. They are checked one by one when they are read (v2/tensor). */
const TensorData = z
  .unknown()
  .meta({ type: 'array', description: 'values in row-major order, flat or nested as the shape is' });

/** What the request as a whole wants. */
export const RequestParameters = z.strictObject({
  policy: z.string().optional().describe('name of a policy; default: the one the gateway was started with'),
  deadline_ms: z
    .int()
    .min(1)
    .max(LONGEST_MS)
    .optional()
    .describe('milliseconds from the arrival of the request: then the best exit so far is the answer'),
  timeout: z
    .int()
    .min(0)
    .max(1000 * LONGEST_MS)
    .transform((us) => (us === 0 ? undefined : us))
    .optional()
    .describe("microseconds, as Triton's clients name it: the same as deadline_ms, which goes before it; 0: none"),
  priority: z
    .int()
    .min(0)
    .optional()
    .describe("of Triton's clients: passed over, as the protocol leaves it to the server; see X-Sluice-Priority"),
  top: z.int().min(1).max(MOST_CLASSES).default(1).describe('how many classes to give of each picture'),
  binary_data_output: z
    .boolean()
    .default(false)
    .describe('all outputs as binary data, unless an output says otherwise'),
});

const InputParameters = z.strictObject({
  binary_data_size: size.optional().describe('the values follow the JSON as so many bytes'),
  content_type: z
    .enum(['base64', 'np'])
    .optional()
    .describe('base64: the strings of a BYTES tensor in JSON are base64; np: a plain tensor'),
});

export const RequestInput = z.object({
  name: z.literal('image'),
  shape: z.array(size).min(1).max(4).describe('BYTES: [n] or [n, 1]; UINT8 and FP32: [n, height, width, 3]'),
  datatype: z
    .enum(['BYTES', 'UINT8', 'FP32'])
    .describe('BYTES: encoded pictures; UINT8 and FP32: decoded pixels, RGB, 0 to 255'),
  parameters: InputParameters.default({}),
  data: TensorData.optional(),
});

/** In the order in which they are given where the request names none; the last two only where it names them. */
export const OUTPUTS = {
  label: { datatype: 'BYTES', perClass: true },
  index: { datatype: 'INT32', perClass: true },
  probability: { datatype: 'FP32', perClass: true },
  exit: { datatype: 'INT32', perClass: false },
  resolution: { datatype: 'INT32', perClass: false },
  macs: { datatype: 'INT64', perClass: false },
  reason: { datatype: 'BYTES', perClass: false },
  logits: { datatype: 'FP32', perClass: true },
  steps: { datatype: 'BYTES', perClass: false },
} as const;
export type OutputName = keyof typeof OUTPUTS;

const names = Object.keys(OUTPUTS) as [OutputName, ...OutputName[]];

export const RequestOutput = z.object({
  name: z.enum(names),
  parameters: z
    .strictObject({ binary_data: z.boolean().optional().describe('as binary data behind the JSON') })
    .default({}),
});

/** POST /v2/models/NAME/infer. Keys that the protocol does not know are passed over, as it has it. */
export const InferRequest = z.object({
  id: z.string().max(256).optional(),
  parameters: RequestParameters.default({ top: 1, binary_data_output: false }),
  inputs: z.array(RequestInput).length(1),
  outputs: z.array(RequestOutput).max(names.length).optional().describe('none: all but the last two'),
});
export type InferRequest = z.output<typeof InferRequest>;

export const ResponseOutput = z.strictObject({
  name: z.enum(names),
  shape: z.array(size),
  datatype: z.enum(['BYTES', 'INT32', 'INT64', 'FP32']),
  parameters: z.strictObject({ binary_data_size: size }).optional(),
  data: z.array(z.union([z.string(), z.number()])).optional(),
});
export type ResponseOutput = z.output<typeof ResponseOutput>;

const list = (what: string) => z.string().describe(`${what} of each picture, with commas between`);

export const InferResponse = z.strictObject({
  model_name: z.string(),
  model_version: z.string(),
  id: z.string().describe("the request's own, else the one of X-Request-Id"),
  parameters: z.strictObject({
    policy: z.string(),
    policy_version: z.string(),
    point: z.string().optional().describe('operating point, where the policy has several'),
    exit: list('exit that answered, from 1,'),
    resolution: list('side in pixels at which it was answered'),
    macs: list('multiply-accumulates'),
    reason: list('why it stopped (confident, final, deadline, budget)'),
    full_macs: z.number().describe('multiply-accumulates of the static choice, a picture'),
  }),
  outputs: z.array(ResponseOutput),
});
export type InferResponse = z.output<typeof InferResponse>;

export const ErrorResponse = z.strictObject({ error: z.string().min(1) });

export const ServerMetadata = z.strictObject({
  name: z.string(),
  version: z.string(),
  extensions: z.array(z.string()),
});

/** The protocol's server-ready object has the key `live`; KServe's own servers give `ready`. */
export const ServerLive = z.strictObject({ live: z.boolean() });
export const ServerReady = z.strictObject({ live: z.boolean(), ready: z.boolean() });

const MetadataTensor = z.strictObject({
  name: z.string(),
  datatype: z.string(),
  shape: z.array(z.int()).describe('-1: any size'),
});

export const ModelMetadata = z.strictObject({
  name: z.string(),
  versions: z.array(z.string()),
  platform: z.string(),
  inputs: z.array(MetadataTensor),
  outputs: z.array(MetadataTensor),
  properties: z.record(z.string(), z.string()),
});
export type ModelMetadata = z.output<typeof ModelMetadata>;

export const ModelReady = z.strictObject({ name: z.string(), ready: z.boolean() });

/** POST /v2/repository/index, of Triton's model repository extension. */
export const RepositoryIndex = z.array(
  z.strictObject({
    name: z.string(),
    version: z.string(),
    state: z.enum(['READY', 'UNAVAILABLE']),
    reason: z.string(),
  }),
);
