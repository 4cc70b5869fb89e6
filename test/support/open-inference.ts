/** Requests of the Open Inference Protocol as its clients write them, and its answers read. */

import type { RequestListener } from 'node:http';
import request, { type Response, type Test } from 'supertest';
import { expect } from 'vitest';
import { LENGTH_HEADER } from '../../src/http/v2/binary.js';
import { ErrorResponse, InferResponse } from '../../src/http/v2/schema.js';

export interface Asked {
  readonly parameters?: object;
  readonly outputs?: readonly object[];
  readonly id?: string;
  /** Beside those of the extension. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly path?: string;
}

/** Encoded pictures as binary data, each with its length before it. */
export function bytesInput(pictures: readonly Uint8Array[], shape = [pictures.length]) {
  const binary = Buffer.concat(
    pictures.flatMap((picture) => {
      const length = Buffer.alloc(4);
      length.writeUInt32LE(picture.length);
      return [length, picture];
    }),
  );
  return { input: { name: 'image', datatype: 'BYTES', shape }, binary };
}

/** Pixels `[n, height, width, 3]` as binary data. */
export function pixelsInput(pictures: readonly Uint8Array[], width: number, height: number) {
  const input = { name: 'image', datatype: 'UINT8', shape: [pictures.length, height, width, 3] };
  return { input, binary: Buffer.concat(pictures) };
}

/** The body of an inference request with binary data, and the length of its JSON. */
export function bodyOf({ input, binary }: ReturnType<typeof bytesInput>, asked: Asked = {}) {
  const { parameters, outputs, id } = asked;
  const inputs = [{ ...input, parameters: { binary_data_size: binary.length } }];
  const json = Buffer.from(JSON.stringify({ id, inputs, parameters, outputs }));
  return { body: Buffer.concat([json, binary]), length: json.length };
}

const PATH = '/v2/models/cifar10/infer';

export function infer(app: RequestListener, tensor: ReturnType<typeof bytesInput>, asked: Asked = {}): Test {
  const { body, length } = bodyOf(tensor, asked);
  return inferRaw(app, body, { [LENGTH_HEADER]: String(length), ...asked.headers }, asked.path);
}

export function inferRaw(
  app: RequestListener,
  body: Buffer,
  headers: Readonly<Record<string, string>>,
  path = PATH,
): Test {
  const asBytes = ((each: unknown) => each) as (each: unknown) => string;
  return request(app)
    .post(path)
    .set({ 'Content-Type': 'application/octet-stream', ...headers })
    .serialize(asBytes)
    .send(body)
    .buffer(true)
    .parse((response, done) => {
      const pieces: Buffer[] = [];
      response.on('data', (piece: Buffer) => pieces.push(piece));
      response.on('end', () => done(null, Buffer.concat(pieces)));
    });
}

export interface Inferred {
  readonly response: InferResponse;
  /** Values of an output, whichever way they came. */
  values(name: string): (string | number)[];
}

/** Reads an answer as a client does; refuses a key too many and a byte too many. */
export function inferredOf({ status, headers, body }: Response): Inferred {
  const bytes = body as Buffer;
  expect(status, bytes.toString()).toBe(200);
  const length = Number(headers[LENGTH_HEADER.toLowerCase()] ?? bytes.length);
  const response = InferResponse.parse(JSON.parse(bytes.subarray(0, length).toString()));
  const values = new Map<string, (string | number)[]>();
  let at = length;
  for (const { name, datatype, shape, data, parameters } of response.outputs) {
    const size = parameters?.binary_data_size;
    expect((size === undefined) !== (data === undefined), name).toBe(true);
    values.set(name, data ?? read(datatype, bytes.subarray(at, at + size!)));
    at += size ?? 0;
    expect(values.get(name)!.length, name).toBe(shape.reduce((product, dim) => product * dim, 1));
  }
  expect(at).toBe(bytes.length);
  expect(headers['content-type']).toMatch(length < bytes.length ? 'application/octet-stream' : 'application/json');
  return { response, values: (name) => values.get(name)! };
}

/** Checks all that holds for every error; returns its sentence. */
export function inferErrorOf({ status, headers, body }: Response, expected: number): string {
  const text = Buffer.isBuffer(body) ? body.toString() : JSON.stringify(body);
  expect(status, text).toBe(expected);
  expect(headers['content-type']).toMatch(/^application\/json\b/);
  const { error } = ErrorResponse.parse(JSON.parse(text));
  expect(error).not.toMatch(/\n|\bat \S+ \(|\.(js|ts|onnx|yaml)\b|node_modules/);
  return error;
}

function read(datatype: string, bytes: Buffer): (string | number)[] {
  const values: (string | number)[] = [];
  for (let at = 0; at < bytes.length; ) {
    if (datatype === 'BYTES') {
      const length = bytes.readUInt32LE(at);
      values.push(bytes.toString('utf8', at + 4, at + 4 + length));
      at += 4 + length;
    } else if (datatype === 'INT64') {
      values.push(Number(bytes.readBigInt64LE(at)));
      at += 8;
    } else {
      values.push(datatype === 'FP32' ? bytes.readFloatLE(at) : bytes.readInt32LE(at));
      at += 4;
    }
  }
  return values;
}
