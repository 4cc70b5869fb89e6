/** Real shapes of a graph's tensors, from running it: shape inference cannot see through every exporter's arithmetic. */

import type { Tensor } from 'onnxruntime-node';
import { imageInput, pictures } from './image.js';
import { anyType, type OnnxModel } from './model.js';
import { runOnce, type Tensors } from './session.js';

/** What a tensor is for one picture. */
export interface TensorShape {
  /** Dimensions at batch 1. */
  readonly dims: readonly number[];
  readonly type: Tensor.Type;
  /** Whether dim 0 counts pictures, and nothing else changes with their number. */
  readonly batched: boolean;
}

/** The tensors that nodes make: everything a run can be asked for. */
export function madeTensors(model: OnnxModel): string[] {
  return model.nodes.flatMap((node) => node.outputs.filter((name) => name !== ''));
}

/** The same graph with `names` as outputs too; names that it has as inputs or initializers are passed over. */
export function withOutputs(model: OnnxModel, names: Iterable<string>): OnnxModel {
  const present = new Set([...model.outputs, ...model.inputs].map((value) => value.name));
  const added = [...new Set(names)].filter((name) => !present.has(name) && !model.initializers.has(name));
  const outputs = added.map(anyType);
  return { ...model, outputs: [...model.outputs, ...outputs] };
}

/**
 * Runs the graph on black pictures of `resolution` x `resolution` pixels, once with one and once with two.
 * @param wanted tensors to look at; all that nodes make by default
 * @returns shapes of `wanted`, of the outputs and of the image
 * @throws ConfigError when the graph has no proper image input, or cannot run at that resolution or batch size
 */
export async function tensorShapes(
  model: OnnxModel,
  resolution: number,
  wanted: Iterable<string> = madeTensors(model),
): Promise<ReadonlyMap<string, TensorShape>> {
  const [one, two] = await ofOneAndTwo(withOutputs(model, wanted), resolution);
  const shapes = new Map<string, TensorShape>();
  for (const [name, { dims, type }] of Object.entries(one)) {
    shapes.set(name, { dims, type, batched: growsByPicture(dims, two[name]!.dims) });
  }
  return shapes;
}

/**
 * The image and all outputs of the graph, for one black picture and for two.
 * @throws ConfigError as {@link tensorShapes}
 */
export async function ofOneAndTwo(model: OnnxModel, resolution: number): Promise<readonly [Tensors, Tensors]> {
  const image = imageInput(model);
  const run = async (count: number): Promise<Tensors> => {
    const feeds = { [image.name]: pictures(image, count, resolution) };
    return { ...feeds, ...(await runOnce(model, feeds)) };
  };
  return [await run(1), await run(2)];
}

const bytesOf: Partial<Record<Tensor.Type, number>> = {
  ...{ bool: 1, int8: 1, uint8: 1, int16: 2, uint16: 2, float16: 2 },
  ...{ int32: 4, uint32: 4, float32: 4, int64: 8, uint64: 8, float64: 8 },
};

/** Bytes of a tensor for one picture; Infinity where it cannot be kept apart by picture, or is no plain number. */
export function pictureBytes(shape: TensorShape): number {
  return shape.batched ? shape.dims.reduce((product, dim) => product * dim, bytesOf[shape.type] ?? Infinity) : Infinity;
}

function growsByPicture(one: readonly number[], two: readonly number[]): boolean {
  return one[0] === 1 && two[0] === 2 && one.length === two.length && one.every((dim, i) => i === 0 || dim === two[i]);
}
