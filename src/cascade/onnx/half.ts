/** Stores weights in 16 bits: half the file, the same 32-bit arithmetic. */

import { setFloat16 } from '@petamoriken/float16';
import type { onnx } from 'onnx-proto';
import { ElemType, type OnnxModel, type OnnxNode, tensorDims } from './model.js';

/** Smaller tensors stay as they are: a node each would be larger than what is saved. */
const LEAST_VALUES = 256;
/** Largest finite value in 16 bits. */
const LARGEST = 65_504;
const QUANTIZERS = new Set(['QuantizeLinear', 'DequantizeLinear']);
const BYTES = { float32: 4, float16: 2 } as const;

/**
 * The same graph with its large float32 weights rounded to float16, each behind a Cast back to float32. The runtime folds the casts
 * when it loads the graph, so a run costs what it did; a weight changes by at most 1 part in 2048 (IEEE 754 binary16, where it is not
 * smaller than 6e-5). A tensor that holds a value beyond float16's range stays as it is, and so do the scales of 8-bit tensors, which are smaller.
 */
export function withHalfWeights(model: OnnxModel): OnnxModel {
  const initializers = new Map<string, onnx.ITensorProto>();
  const casts: OnnxNode[] = [];
  const scales = new Set(model.nodes.flatMap(({ op, inputs }) => (QUANTIZERS.has(op) ? inputs.slice(1) : [])));
  for (const [name, tensor] of model.initializers) {
    const values = !scales.has(name) && tensor.dataType === ElemType.float32 ? valuesOf(tensor) : [];
    if (values.length < LEAST_VALUES || values.some((value) => !(Math.abs(value) <= LARGEST))) {
      initializers.set(name, tensor);
      continue;
    }
    const half = `${name}/half`;
    initializers.set(half, {
      name: half,
      dataType: ElemType.float16,
      dims: [...tensorDims(tensor)],
      rawData: halves(values),
    });
    // AttributeProto.type: 2 is INT.
    const to = { name: 'to', type: 2, i: ElemType.float32 };
    casts.push({ op: 'Cast', domain: '', name: `${name}/cast`, inputs: [half], outputs: [name], attributes: [to] });
  }
  return { ...model, initializers, nodes: [...casts, ...model.nodes] };
}

/** Values lie in one of two fields, whichever the exporter chose. */
function valuesOf(tensor: onnx.ITensorProto): readonly number[] {
  const raw = tensor.rawData;
  if (raw === undefined || raw === null || raw.length === 0) return tensor.floatData ?? [];
  const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
  return Array.from({ length: raw.length / BYTES.float32 }, (_, i) => view.getFloat32(i * BYTES.float32, true));
}

function halves(values: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(values.length * BYTES.float16);
  const view = new DataView(bytes.buffer);
  for (const [i, value] of values.entries()) setFloat16(view, i * BYTES.float16, value, true);
  return bytes;
}
