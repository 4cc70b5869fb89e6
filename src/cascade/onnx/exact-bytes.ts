/** Whether this processor multiplies bytes without loss, and what to tell ONNX Runtime where it does not. */

import '../../no-telemetry.js';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { ElemType, encodeModel, type OnnxModel } from './model.js';

/** Entries of `extra.session` of a session's options. */
export type SessionEntries = Readonly<Record<string, string>>;

/** As large as bytes and kernels get; four of each are added up. */
const [PIXEL, KERNEL, INPUTS] = [255, 127, 4];
/** The output is the sum in units of this, so that it is a byte again. */
const UNIT = 1000;
const SUM = Math.round((PIXEL * KERNEL * INPUTS) / UNIT);

let known: Promise<SessionEntries> | undefined;

/**
 * What every session is opened with so that an 8-bit graph says on each processor what its numbers mean. x86 without VNNI adds two products
 * of a byte and a signed byte up in 16 bits, where 255 x 127 x 2 has no room: the runtime's default there is fast and wrong (2.5 points of top-1
 * of photo200, measured). Its precise way is used where the processor needs it only, as it takes longer; kernels from -64 to 64 have room,
 * and the runtime leaves them in the fast way. Asked of the runtime once a process, with the largest numbers that there are.
 */
export function exactBytes(): Promise<SessionEntries> {
  known ??= convolved({}).then((sum) => (sum === SUM ? {} : { x64quantprecision: '1' }));
  return known;
}

/** What a convolution of the largest bytes says in a session with these entries; exact: {@link SUM}. For tests. */
export async function convolved(entries: SessionEntries): Promise<number> {
  const session = await InferenceSession.create(encodeModel(largest()), {
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    graphOptimizationLevel: 'all',
    extra: { session: { ...entries } },
  });
  try {
    const dims = [1, INPUTS, INPUTS, INPUTS];
    const { sum } = await session.run({ pixels: new Tensor('uint8', new Uint8Array(INPUTS ** 3).fill(PIXEL), dims) });
    return Number(sum!.data[0]);
  } finally {
    await session.release();
  }
}

/** A quantised convolution [1, 4, 4, 4] -> [1, 16, 4, 4], 1 x 1. */
function largest(): OnnxModel {
  const outputs = 16;
  const constant = (name: string, dataType: number, dims: number[], rawData: Uint8Array) =>
    [name, { name, dataType, dims, rawData }] as const;
  const float = (value: number) => new Uint8Array(Float32Array.of(value).buffer);
  const image = { elemType: ElemType.uint8, dims: [1, INPUTS, INPUTS, INPUTS] };
  return {
    file: 'exact-bytes',
    irVersion: 8,
    opsets: [{ domain: '', version: 13 }],
    nodes: [
      {
        op: 'QLinearConv',
        domain: '',
        inputs: ['pixels', 'one', 'zero', 'kernel', 'one', 'none', 'unit', 'zero'],
        outputs: ['sum'],
        attributes: [],
        name: 'conv',
      },
    ],
    initializers: new Map([
      constant('one', ElemType.float32, [], float(1)),
      constant('unit', ElemType.float32, [], float(UNIT)),
      constant('zero', ElemType.uint8, [], Uint8Array.of(0)),
      constant('none', ElemType.int8, [], Uint8Array.of(0)),
      constant('kernel', ElemType.int8, [outputs, INPUTS, 1, 1], new Uint8Array(outputs * INPUTS).fill(KERNEL)),
    ]),
    inputs: [{ name: 'pixels', ...image }],
    outputs: [{ name: 'sum', ...image, dims: [1, outputs, INPUTS, INPUTS] }],
  };
}
