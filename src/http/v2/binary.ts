/**
 * Triton's binary tensor extension: JSON, and behind it the bytes of the tensors that it names, in its order. Little-endian; a BYTES
 * element has its length in four bytes before it. Pure.
 */

import { RequestError } from '../../errors.js';

/** Body length of the JSON; without it, the whole body is JSON. */
export const LENGTH_HEADER = 'Inference-Header-Content-Length';

/**
 * Values and lists in JSON, two pictures of 224 px: more would keep the gateway's thread from other callers for more than 40 ms of
 * processor time while they are parsed (measured, nested). A long text costs next to nothing, so base64 is not meant, nor binary data.
 */
const MOST_JSON_VALUES = 320_000;
const [COMMA, BRACKET, BRACE] = Buffer.from(',[{') as unknown as readonly [number, number, number];

export interface SplitBody {
  /** Undefined for Triton's raw requests: no JSON, all the body is one tensor. */
  readonly json: unknown;
  readonly binary: Buffer;
}

export function wrong(detail: string): RequestError {
  return new RequestError('bad_inference_request', detail);
}

/**
 * @param header of {@link LENGTH_HEADER}
 * @throws RequestError bad_inference_request, too_many_bytes
 */
export function splitBody(body: Buffer, header: string | undefined): SplitBody {
  const length = header === undefined ? body.length : Number(header);
  if (header !== undefined && (!/^\d{1,15}$/.test(header) || length > body.length)) {
    throw wrong(`${LENGTH_HEADER} must be a number of bytes within the body, which has ${body.length}`);
  }
  if (length === 0 && header !== undefined) return { json: undefined, binary: body };
  if (isLong(body, length)) {
    const detail = `more than ${MOST_JSON_VALUES} values in JSON: send the tensor as binary data (binary_data_size)`;
    throw new RequestError('too_many_bytes', detail);
  }
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(body.subarray(0, length));
    return { json: JSON.parse(text), binary: body.subarray(length) };
  } catch {
    throw wrong('the body, as far as it should be JSON, is none');
  }
}

function isLong(json: Buffer, length: number): boolean {
  if (length <= MOST_JSON_VALUES) return false;
  let values = 0;
  for (let at = 0; at < length; at++) {
    const byte = json[at]!;
    if ((byte === COMMA || byte === BRACKET || byte === BRACE) && ++values > MOST_JSON_VALUES) return true;
  }
  return false;
}

/**
 * The elements of a BYTES tensor, without copying.
 * @throws RequestError bad_inference_request unless these are exactly `count` elements and nothing else
 */
export function readBytesElements(binary: Buffer, count: number): readonly Buffer[] {
  const elements: Buffer[] = [];
  for (let at = 0; at < binary.length; ) {
    const from = at + 4;
    const to = from > binary.length ? Number.POSITIVE_INFINITY : from + binary.readUInt32LE(at);
    if (to > binary.length || elements.length === count) {
      throw wrong(`the binary data of "image" is not ${count} elements, each with its length in four bytes before it`);
    }
    elements.push(binary.subarray(from, to));
    at = to;
  }
  if (elements.length !== count)
    throw wrong(`the binary data of "image" has ${elements.length} elements, not ${count}`);
  return elements;
}

/** Values of a tensor as the extension writes them. */
export function binaryOf(datatype: 'BYTES' | 'INT32' | 'INT64' | 'FP32', values: readonly (string | number)[]): Buffer {
  if (datatype === 'BYTES') return Buffer.concat(values.flatMap((text) => withLength(Buffer.from(String(text)))));
  const width = datatype === 'INT64' ? 8 : 4;
  const out = Buffer.allocUnsafe(width * values.length);
  for (const [i, value] of values.entries()) {
    if (datatype === 'INT64') out.writeBigInt64LE(BigInt(value), width * i);
    else if (datatype === 'INT32') out.writeInt32LE(Number(value), width * i);
    else out.writeFloatLE(Number(value), width * i);
  }
  return out;
}

function withLength(bytes: Buffer): Buffer[] {
  const length = Buffer.allocUnsafe(4);
  length.writeUInt32LE(bytes.length);
  return [length, bytes];
}
