/** From the body of an inference request to what is asked for. */

import type { z } from 'zod';
import { type SplitBody, splitBody, wrong } from './binary.js';
import { InferRequest } from './schema.js';
import { encoded, type InputPicture, picturesOf, type TensorLimits } from './tensor.js';

export interface Inference {
  readonly asked: InferRequest;
  /** Made one by one: the caller may rest between them. */
  readonly pictures: Iterable<InputPicture>;
}

/**
 * @param header of Inference-Header-Content-Length
 * @throws RequestError bad_inference_request, too_many_bytes; the pictures throw as `picturesOf`
 */
export function parseInference(body: Buffer, header: string | undefined, limits: TensorLimits): Inference {
  const split = splitBody(body, header);
  if (split.json === undefined) return rawInference(split);
  const result = InferRequest.safeParse(split.json);
  if (!result.success) throw wrong(sentence(result.error));
  const asked = result.data;
  return { asked, pictures: picturesOf(asked.inputs[0]!, split.binary, limits) };
}

/** Triton's raw request: the body is the one picture, and all outputs are wanted in binary. */
function rawInference({ binary }: SplitBody): Inference {
  const asked = InferRequest.parse({
    inputs: [{ name: 'image', shape: [1], datatype: 'BYTES', parameters: { binary_data_size: binary.length } }],
    parameters: { binary_data_output: true },
  });
  return { asked, pictures: [encoded(binary, 0)] };
}

/** The first thing that is wrong: where, and what is allowed. Never a value of the caller's. */
function sentence(error: z.ZodError): string {
  const { path, message } = error.issues[0]!;
  const where = path.map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`)).join('');
  return `${where === '' ? 'the request' : where.replace(/^\./, '').slice(0, 80)}: ${message.slice(0, 300)}`;
}
