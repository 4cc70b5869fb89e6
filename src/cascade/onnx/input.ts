/** Puts the step from bytes to numbers into the graph: a lane then sends a picture as it was decoded, a quarter of the bytes. */

import { ConfigError } from '../../errors.js';
import { imageInput } from './image.js';
import { ElemType, type OnnxModel, type OnnxNode } from './model.js';

/** Name of the uint8 input. */
export const imageTensor = 'image';

/** Means and deviations of photographs, of 0..1, are above it. */
const LEAST_OF_RECIPES = 0.1;

/** Per channel (red, green, blue), in units of pixel values 0..255. */
export interface Normalisation {
  readonly mean?: readonly number[] | undefined;
  readonly std?: readonly number[] | undefined;
}

/**
 * Gives a graph that takes `[n, 3, h, w] float32` the input `image`, `[n, h, w, 3] uint8`: Cast, Sub mean, Div std, Transpose. Without
 * mean and std the old input gets the pixel values as they are, 0..255.
 * @returns the graph itself when it takes uint8 already
 * @throws ConfigError when it takes uint8 and a mean or std is given, when these are not three numbers or meant for 0..1, or when
 *   another tensor is named `image`
 */
export function withByteInput(model: OnnxModel, { mean, std }: Normalisation = {}): OnnxModel {
  const old = imageInput(model);
  if (old.layout === 'nhwc-uint8') {
    if (mean === undefined && std === undefined) return model;
    throw new ConfigError(model.file, old.name, 'takes uint8 already; mean and std would have to be inside the graph');
  }
  checkChannels(model.file, 'mean', mean);
  checkChannels(model.file, 'std', std);
  if (std?.includes(0)) throw new ConfigError(model.file, 'std', 'found 0; pixel values are divided by it');

  const taken = new Set(model.nodes.flatMap((node) => [...node.inputs, ...node.outputs]));
  if (old.name !== imageTensor && (taken.has(imageTensor) || model.initializers.has(imageTensor))) {
    throw new ConfigError(
      model.file,
      imageTensor,
      'this name is needed for the uint8 input, but another tensor has it',
    );
  }
  // The old input keeps its name as an inner tensor, unless the new one needs just that name.
  const inner = old.name === imageTensor ? `${imageTensor}/nchw` : old.name;
  const initializers = new Map(model.initializers);
  const nodes: OnnxNode[] = [];
  const then = (op: string, operand?: readonly number[]): void => {
    const inputs = [nodes.at(-1)?.outputs[0] ?? imageTensor];
    const name = `${imageTensor}/${op.toLowerCase()}`;
    if (operand !== undefined) {
      const weight = `${name}/by`;
      initializers.set(weight, { name: weight, dataType: ElemType.float32, dims: [3], floatData: [...operand] });
      inputs.push(weight);
    }
    nodes.push({
      op,
      domain: '',
      name,
      inputs,
      outputs: [op === 'Transpose' ? inner : name],
      attributes: attributesOf(op),
    });
  };
  then('Cast');
  if (mean !== undefined) then('Sub', mean);
  if (std !== undefined) then('Div', std);
  then('Transpose');

  const rename = (name: string): string => (name === old.name ? inner : name);
  return {
    ...model,
    initializers,
    nodes: [...nodes, ...model.nodes.map((node) => ({ ...node, inputs: node.inputs.map(rename) }))],
    inputs: [{ name: imageTensor, elemType: ElemType.uint8, dims: ['n', old.height ?? 'h', old.width ?? 'w', 3] }],
  };
}

function attributesOf(op: string): OnnxNode['attributes'] {
  // AttributeProto.type: 2 is INT, 7 is INTS.
  if (op === 'Cast') return [{ name: 'to', type: 2, i: ElemType.float32 }];
  if (op === 'Transpose') return [{ name: 'perm', type: 7, ints: [0, 3, 1, 2] }];
  return [];
}

function checkChannels(file: string, key: string, values: readonly number[] | undefined): void {
  if (values === undefined) return;
  const found = `found [${values.join(', ')}]`;
  if (values.length !== 3 || !values.every(Number.isFinite))
    throw new ConfigError(file, key, `${found}; allowed: three numbers, one per channel`);
  // As recipes for pictures of 0..1 give them: nothing would look wrong, but every answer would be.
  if (values.every((value) => value >= LEAST_OF_RECIPES && value < 1)) {
    const meant = values.map((value) => Number((255 * value).toFixed(3))).join(',');
    throw new ConfigError(file, key, `${found}; pixel values are 0..255; where a recipe means 0..1: ${meant}`);
  }
}
