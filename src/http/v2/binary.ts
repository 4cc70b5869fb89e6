/**
 * Triton's binary tensor extension: JSON, and behind it the bytes of the tensors that it names, in its order. Little-endian; a BYTES
 * element has its length in four bytes before it. Pure.
 */

import { RequestError } from '../../errors.js';

/** Body length of the JSON; without it, the whole body is JSON. */
export const LENGTH_HEADER = 'Inference-Header-Content-Length';

/**
 * Values and lists in JSON, two pictures of 224 px: to parse and check them keeps the gateway's thread from other callers for 10 to 25 ms,
 * cold for 60 (measured, flat). Base64 is not meant, nor binary data: 20 MB of text are parsed in 30 to 50 ms, and checked and decoded in 50 more, between
 * whose elements others have their turn.
 */
export const MOST_JSON_VALUES = 320_000;
/** Keys in JSON; a request has a dozen. Each is made by the parser, and named where it is unknown: as many as values took half a second. */
const MOST_JSON_KEYS = 1024;
const [COMMA, BRACKET, BRACE, COLON, QUOTE, BACKSLASH] = [...',[{:"\\'].map((letter) => letter.charCodeAt(0)) as [
  number,
  number,
  number,
  number,
  number,
  number,
];

export interface SplitBody {
  /** Undefined for Triton's raw requests: no JSON, all the body is one tensor. */
  readonly json: unknown;
  readonly binary: Buffer;
}

export function wrong(detail: string): RequestError {
  return new RequestError('bad_inference_request', detail);
}

/** Of a tensor that JSON does not hold. */
export function tooManyValues(): RequestError {
  const detail = `more than ${MOST_JSON_VALUES} values in JSON: send the tensor as binary data (binary_data_size)`;
  return new RequestError('too_many_bytes', detail);
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
  checkLength(body.subarray(0, length));
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(body.subarray(0, length));
    return { json: JSON.parse(text), binary: body.subarray(length) };
  } catch {
    throw wrong('the body, as far as it should be JSON, is none');
  }
}

/** Before anything is made of it. @throws RequestError bad_inference_request, too_many_bytes */
function checkLength(json: Buffer): void {
  if (json.length <= MOST_JSON_KEYS) return;
  let values = 0;
  let keys = 0;
  for (let at = 0; at < json.length; at++) {
    const byte = json[at]!;
    // Texts are passed over as wholes: byte by byte 20 MB of base64 took 40 ms.
    if (byte === QUOTE) at = endOfText(json, at);
    else if ((byte === COMMA || byte === BRACKET || byte === BRACE) && ++values > MOST_JSON_VALUES)
      throw tooManyValues();
    else if (byte === COLON && ++keys > MOST_JSON_KEYS) throw wrong(`more than ${MOST_JSON_KEYS} keys in JSON`);
  }
}

/** Where the text ends that begins at a quote. */
function endOfText(json: Buffer, from: number): number {
  for (let at = json.indexOf(QUOTE, from + 1); at >= 0; at = json.indexOf(QUOTE, at + 1)) {
    let escapes = 0;
    while (json[at - 1 - escapes] === BACKSLASH) escapes++;
    if (escapes % 2 === 0) return at;
  }
  return json.length;
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
