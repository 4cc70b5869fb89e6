/** The one image input of a graph: which of the two layouts it has, and pictures to run it on. */

import { Tensor } from 'onnxruntime-node';
import { ConfigError } from '../../errors.js';
import { ElemType, type OnnxModel, type OnnxValue } from './model.js';

/** `[n, 3, h, w] float32` or `[n, h, w, 3] uint8`. */
export interface ImageInput {
  readonly file: string;
  readonly name: string;
  readonly layout: 'nchw-float32' | 'nhwc-uint8';
  /** Side that the graph insists on; undefined: any. */
  readonly height: number | undefined;
  readonly width: number | undefined;
}

/**
 * The image that a whole graph takes.
 * @throws ConfigError unless it is the only input and {@link imageValue} accepts it
 */
export function imageInput(model: OnnxModel): ImageInput {
  const [value, second] = model.inputs;
  if (value === undefined) throw new ConfigError(model.file, '', 'has no input; one image tensor is needed');
  if (second !== undefined) {
    const names = model.inputs.map((input) => input.name).join(', ');
    throw new ConfigError(model.file, '', `has ${model.inputs.length} inputs (${names}); one image tensor is needed`);
  }
  return imageValue(model.file, value);
}

/**
 * Reads a graph input as an image.
 * @throws ConfigError for another type or shape, and for a fixed batch size
 */
export function imageValue(file: string, value: OnnxValue): ImageInput {
  const { name, dims, elemType } = value;
  const isFloat = elemType === ElemType.float32 && dims?.length === 4 && dims[1] === 3;
  const isBytes = elemType === ElemType.uint8 && dims?.length === 4 && dims[3] === 3;
  if (dims === undefined || !(isFloat || isBytes)) {
    const found = `element type ${elemType}, shape [${dims?.map((dim) => dim || '?').join(', ') ?? 'unknown'}]`;
    throw new ConfigError(file, name, `${found}; allowed: [n, 3, h, w] float32 or [n, h, w, 3] uint8`);
  }
  if (typeof dims[0] === 'number') {
    throw new ConfigError(
      file,
      name,
      `batch size is fixed to ${dims[0]}; the gateway batches pictures, so export with a dynamic first dimension`,
    );
  }
  const [height, width] = (isFloat ? dims.slice(2) : dims.slice(1, 3)).map((dim) =>
    typeof dim === 'number' ? dim : undefined,
  );
  return { file, name, layout: isFloat ? 'nchw-float32' : 'nhwc-uint8', height, width };
}

/**
 * Makes `count` square pictures for an image input.
 * @param pixel gives each value, 0..255; called in memory order
 * @throws ConfigError when the graph is fixed to another side
 */
export function pictures(image: ImageInput, count: number, resolution: number, pixel: () => number = () => 0): Tensor {
  const { file, name, height, width } = image;
  if ((height ?? resolution) !== resolution || (width ?? resolution) !== resolution) {
    throw new ConfigError(file, name, `is fixed to ${height ?? '?'} x ${width ?? '?'} pixels; asked for ${resolution}`);
  }
  const length = count * 3 * resolution * resolution;
  return image.layout === 'nhwc-uint8'
    ? new Tensor('uint8', Uint8Array.from({ length }, pixel), [count, resolution, resolution, 3])
    : new Tensor('float32', Float32Array.from({ length }, pixel), [count, 3, resolution, resolution]);
}
