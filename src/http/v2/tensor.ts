/** From the input tensor `image` to pictures: encoded ones, or decoded pixels that no decoder has to see again. Pure. */

import type { z } from 'zod';
import { RequestError } from '../../errors.js';
import type { PixelSize } from '../../lane/messages.js';
import { sniff } from '../sniff.js';
import { MOST_JSON_VALUES, readBytesElements, tooManyValues, wrong } from './binary.js';
import { MOST_PICTURES, type RequestInput } from './schema.js';

type Input = z.output<typeof RequestInput>;

/** One element of the batch. */
export interface InputPicture {
  readonly image: Uint8Array;
  /** Of decoded pixels, `[height, width, 3]` uint8; undefined: `image` is an encoded picture. */
  readonly raw?: PixelSize;
}

export interface TensorLimits {
  /** Of all pictures together. */
  readonly maxBytes: number;
  /** Width x height of one. */
  readonly maxPixels: number;
}

/** How errors name an element of the batch. */
export function elementName(index: number): string {
  return `element ${index} of "image"`;
}

/** Pictures in the tensor. @throws RequestError bad_inference_request, too_many_pixels, too_many_bytes */
export function countOf({ datatype, shape }: Input, { maxBytes, maxPixels }: TensorLimits): number {
  const [count = 0, ...rest] = shape;
  const isBytes = datatype === 'BYTES' && (rest.length === 0 || (rest.length === 1 && rest[0] === 1));
  const [height = 0, width = 0, channels] = rest;
  const isPixels = datatype !== 'BYTES' && rest.length === 3 && channels === 3 && height > 0 && width > 0;
  if (!isBytes && !isPixels) {
    const allowed = datatype === 'BYTES' ? '[n] or [n, 1]' : '[n, height, width, 3]';
    throw wrong(`"image" of ${datatype} has the shape ${allowed}, not [${shape.join(', ')}]`);
  }
  if (count < 1 || count > MOST_PICTURES) throw wrong(`"image" holds 1 to ${MOST_PICTURES} pictures, not ${count}`);
  if (isBytes) return count;
  if (height * width > maxPixels) {
    const detail = `the pictures have ${width} x ${height} pixels; at most ${maxPixels} are taken`;
    throw new RequestError('too_many_pixels', detail);
  }
  if (count * height * width * 3 > maxBytes) {
    throw new RequestError('too_many_bytes', `the pictures have more than ${maxBytes} bytes of pixels`);
  }
  return count;
}

/**
 * The pictures one by one: the caller may rest between them.
 * @param binary what follows the JSON
 * @throws RequestError bad_inference_request, unsupported_format, empty_body, and as {@link countOf}
 */
export function* picturesOf(input: Input, binary: Buffer, limits: TensorLimits): Generator<InputPicture> {
  const count = countOf(input, limits);
  const { datatype, parameters, data } = input;
  const size = parameters.binary_data_size;
  if ((size === undefined) === (data === undefined)) throw wrong('"image" needs either data or binary_data_size');
  if ((size ?? 0) !== binary.length) {
    throw wrong(`binary_data_size is ${size ?? 0}, but ${binary.length} bytes follow the JSON`);
  }
  if (datatype === 'BYTES') {
    const elements = data === undefined ? readBytesElements(binary, count) : base64Elements(input, count);
    let index = 0;
    for (const image of elements) yield encoded(image, index++);
    return;
  }
  const [, height, width] = input.shape as [number, number, number, 3];
  const each = height * width * 3;
  const values = data === undefined ? inBinary(input, binary, count * each) : inJson(input, count * each);
  for (let from = 0; from < count * each; from += each) {
    yield { image: bytesOf(values, from, each), raw: { width, height } };
  }
}

/** @throws RequestError empty_body, unsupported_format */
export function encoded(image: Uint8Array, index: number): InputPicture {
  if (image.length === 0) throw new RequestError('empty_body', `${elementName(index)} is empty`);
  if (sniff(image) !== undefined) return { image };
  const detail = `${elementName(index)} is none of JPEG, PNG, WebP, AVIF, GIF, TIFF`;
  throw new RequestError('unsupported_format', detail);
}

/** One by one: to check and decode 20 MB takes longer than other callers shall wait. */
function* base64Elements({ data, parameters, shape }: Input, count: number): Generator<Buffer> {
  if (parameters.content_type !== 'base64') {
    throw wrong(
      'JSON cannot hold the bytes of pictures: send binary data, or base64 with "parameters": {"content_type": "base64"}',
    );
  }
  const texts: unknown[] = [];
  flatten(data, shape, 0, (text) => texts.push(text));
  if (texts.length !== count) throw wrong(`the data of "image" has ${texts.length} elements, not ${count}`);
  for (const [index, text] of texts.entries()) {
    if (typeof text !== 'string' || text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text))
      throw wrong(`${elementName(index)} is not base64`);
    yield Buffer.from(text, 'base64');
  }
}

/** Values of pixels by their place in the tensor. */
type Values = Uint8Array | Float32Array | DataView;

function inBinary({ datatype }: Input, binary: Buffer, count: number): Values {
  const bytes = datatype === 'FP32' ? 4 * count : count;
  if (binary.length !== bytes) {
    throw wrong(`"image" of this shape has ${bytes} bytes of ${datatype}, not ${binary.length}`);
  }
  return datatype === 'FP32' ? new DataView(binary.buffer, binary.byteOffset, bytes) : binary;
}

function inJson({ datatype, data, shape }: Input, count: number): Values {
  const miscounted = (given: number) => wrong(`the data of "image" has ${given} values; its shape has ${count}`);
  // Nothing is made for what the shape claims before it is known that the data can be as many.
  if (isFlat(data) && data.length !== count) throw miscounted(data.length);
  if (count > MOST_JSON_VALUES) throw tooManyValues();
  const values = datatype === 'FP32' ? new Float32Array(count) : new Uint8Array(count);
  let at = 0;
  flatten(data, shape, 0, (value) => {
    const fits = typeof value === 'number' && (datatype === 'FP32' || (Number.isInteger(value) && isByte(value)));
    if (!fits) throw wrong(`value ${at} of "image" is no ${datatype}`);
    // Beyond its end nothing is written; the count below says so.
    values[at++] = value;
  });
  if (at !== count) throw miscounted(at);
  return values;
}

function isFlat(data: unknown): data is readonly unknown[] {
  return Array.isArray(data) && !Array.isArray(data[0]);
}

/** Data are flat, or nested exactly as the shape is. */
function flatten(data: unknown, shape: readonly number[], depth: number, take: (value: unknown) => void): void {
  if (!Array.isArray(data)) throw wrong('the data of "image" is no array, or not nested as its shape is');
  if (depth === 0 && isFlat(data)) {
    for (const value of data) take(value);
    return;
  }
  if (data.length !== shape[depth]) throw wrong('the data of "image" is not nested as its shape is');
  for (const value of data) {
    if (depth === shape.length - 1) take(value);
    else flatten(value, shape, depth + 1, take);
  }
}

/** Pixels as bytes: FP32 is rounded to the nearest. */
function bytesOf(values: Values, from: number, count: number): Uint8Array {
  if (values instanceof Uint8Array) return values.subarray(from, from + count);
  const bytes = new Uint8Array(count);
  for (let i = 0; i < count; i++) {
    const value = values instanceof Float32Array ? values[from + i]! : values.getFloat32(4 * (from + i), true);
    if (!isByte(value))
      throw wrong(`value ${from + i} of "image" is not in 0 to 255: send RGB as it is, not normalised`);
    bytes[i] = Math.round(value);
  }
  return bytes;
}

/** False for NaN, too. */
function isByte(value: number): boolean {
  return value >= 0 && value <= 255;
}
