import { describe, expect, it } from 'vitest';
import { RequestError } from '../../src/errors.js';
import { binaryOf, readBytesElements, splitBody } from '../../src/http/v2/binary.js';
import { parseInference } from '../../src/http/v2/request.js';
import { jpeg } from '../support/pictures.js';

const LIMITS = { maxBytes: 10_000, maxPixels: 1000 };

/** The code and the sentence of a refusal. */
function refusal(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof RequestError) return `${error.code}: ${error.detail}`;
    throw error;
  }
  throw new Error('it was not refused');
}

const withLength = (bytes: Buffer) => binaryOf('BYTES', [bytes.toString('latin1')]);
const json = (value: unknown) => Buffer.from(JSON.stringify(value));
const image = (more: object) => ({ inputs: [{ name: 'image', ...more }] });
const pixels = (more: object) => image({ datatype: 'UINT8', shape: [2, 1, 2, 3], ...more });
const pictures = (request: object, binary: Buffer<ArrayBufferLike> = Buffer.alloc(0)) => {
  const head = json(request);
  const body = Buffer.concat([head, binary]);
  return [...parseInference(body, binary.length === 0 ? undefined : String(head.length), LIMITS).pictures];
};

describe('a body', () => {
  it('is JSON as far as the header says, and binary behind it', () => {
    const { json: head, binary } = splitBody(Buffer.from('{"a":1}rest'), '7');
    expect({ head, binary: binary.toString() }).toEqual({ head: { a: 1 }, binary: 'rest' });
    expect(splitBody(Buffer.from('{"a":1}'), undefined).binary.length).toBe(0);
  });

  it.each(['-1', '1.5', '8', '', 'x', '0x7', '1e1', '99999999999999999999'])(
    'is refused with the length %j',
    (header) => {
      expect(refusal(() => splitBody(Buffer.from('{"a":1}'), header))).toMatch(/^bad_inference_request: .*7$/);
    },
  );

  it.each(['{', '[1,]', '\xff', 'nothing'])('is refused when its JSON is %j', (text) => {
    expect(refusal(() => splitBody(Buffer.from(text, 'latin1'), undefined))).toMatch(/^bad_inference_request/);
  });

  it('has a bounded number of values in JSON, which would keep the thread, but any text and any binary', () => {
    const numbers = (count: number) => Buffer.from(`[${'1,'.repeat(count - 1)}1]`);
    expect(splitBody(numbers(320_000), undefined).json).toHaveLength(320_000);
    for (const long of [numbers(320_001), Buffer.alloc(400_000, '['), Buffer.alloc(400_000, '{')])
      expect(refusal(() => splitBody(long, undefined))).toMatch(/^too_many_bytes: .*binary_data_size/);
    expect(splitBody(Buffer.from(`"${'A'.repeat(5_000_000)}"`), undefined).json).toHaveLength(5_000_000);
    expect(splitBody(Buffer.concat([Buffer.from('1'), numbers(400_000)]), '1').json).toBe(1);
    // What stands in a text is none of them, and a quote within one does not end it.
    const commas = `"${'\\",'.repeat(400_000)}"`;
    expect(splitBody(Buffer.from(commas), undefined).json).toHaveLength(800_000);
    for (const text of ['"\\""', '"\\\\"', '"'])
      expect(refusal(() => splitBody(Buffer.from(`[${text},${numbers(320_001)}]`), undefined))).toMatch(
        text === '"' ? /^bad_inference_request/ : /^too_many_bytes/,
      );
  });
});

describe('keys in JSON', () => {
  const keys = (count: number) => `{${Array.from({ length: count }, (_, i) => `"k${i}":0`).join()}}`;

  it('are few, before they are made: also of unknown ones and in many objects', () => {
    expect(Object.keys(splitBody(Buffer.from(keys(1024)), undefined).json as object)).toHaveLength(1024);
    for (const json of [keys(1025), `[${'{"a":1},'.repeat(1025)}0]`, `${'{"a":'.repeat(1025)}0${'}'.repeat(1025)}`])
      expect(refusal(() => splitBody(Buffer.from(json), undefined))).toMatch(/^bad_inference_request: .*1024 keys/);
  });

  it('are not counted within texts, nor in what follows the JSON', () => {
    expect(splitBody(Buffer.from(`"${':'.repeat(5000)}"`), undefined).json).toHaveLength(5000);
    expect(splitBody(Buffer.from(`1${keys(2000)}`), '1').json).toBe(1);
  });
});

describe('a BYTES tensor in binary', () => {
  const two = Buffer.concat([withLength(Buffer.from('one')), withLength(Buffer.from(''))]);

  it('comes apart as it was put together', () => {
    expect(readBytesElements(two, 2).map(String)).toEqual(['one', '']);
  });

  it.each([
    ['one element too few', two, 3],
    ['one too many', two, 1],
    ['half a length', two.subarray(0, two.length - 2), 2],
    ['half an element', two.subarray(0, 5), 1],
    ['a length beyond its end', Buffer.from([0xff, 0xff, 0xff, 0xff, 1]), 1],
    ['bytes behind the last', Buffer.concat([two, Buffer.from([1])]), 2],
  ])('is refused with %s', (_, binary, count) => {
    expect(refusal(() => readBytesElements(binary, count))).toMatch(/^bad_inference_request/);
  });
});

describe('values in binary', () => {
  it('are little-endian, of the width of their type', () => {
    expect([...binaryOf('INT32', [1, -2])]).toEqual([1, 0, 0, 0, 0xfe, 0xff, 0xff, 0xff]);
    expect(binaryOf('INT64', [2 ** 40]).readBigInt64LE()).toBe(BigInt(2 ** 40));
    expect(binaryOf('FP32', [0.5]).readFloatLE()).toBe(0.5);
    expect([...binaryOf('BYTES', ['é'])]).toEqual([2, 0, 0, 0, 0xc3, 0xa9]);
  });
});

describe('pixels', () => {
  const values = [0, 1, 2, 3, 4, 5, 250, 251, 252, 253, 254, 255];
  const two = [
    { image: Uint8Array.from(values.slice(0, 6)), raw: { width: 2, height: 1 } },
    { image: Uint8Array.from(values.slice(6)), raw: { width: 2, height: 1 } },
  ];
  const plain = (request: object, binary: Buffer<ArrayBufferLike> = Buffer.alloc(0)) =>
    pictures(request, binary).map(({ image: each, raw }) => ({ image: new Uint8Array(each), raw }));

  it('are the same flat, nested, in binary, as UINT8 and as FP32', () => {
    const nested = [[[values.slice(0, 3), values.slice(3, 6)]], [[values.slice(6, 9), values.slice(9)]]];
    expect(plain(pixels({ data: values }))).toEqual(two);
    expect(plain(pixels({ data: nested }))).toEqual(two);
    expect(plain(pixels({ parameters: { binary_data_size: 12 } }), Buffer.from(values))).toEqual(two);
    expect(plain(pixels({ datatype: 'FP32', data: values }))).toEqual(two);
    const floats = pixels({ datatype: 'FP32', parameters: { binary_data_size: 48 } });
    // Not at a multiple of four bytes: the JSON before it may have any length.
    for (const id of ['', 'a', 'ab', 'abc']) expect(plain({ id, ...floats }, binaryOf('FP32', values))).toEqual(two);
  });

  it('of FP32 are rounded to the nearest', () => {
    const request = image({ datatype: 'FP32', shape: [1, 1, 1, 3], data: [0.49, 0.5, 254.7] });
    expect(plain(request)).toEqual([{ image: Uint8Array.from([0, 1, 255]), raw: { width: 1, height: 1 } }]);
  });

  it.each<[string, object, RegExp]>([
    ['a value too few', pixels({ data: values.slice(1) }), /11 values; its shape has 12/],
    ['a value too many', pixels({ data: [...values, 1] }), /13 values/],
    ['a value that is no byte', pixels({ data: [...values.slice(1), 256] }), /value 11 .*UINT8/],
    ['a fraction', pixels({ data: [0.5, ...values.slice(1)] }), /value 0 .*UINT8/],
    ['a string', pixels({ data: ['0', ...values.slice(1)] }), /value 0 .*UINT8/],
    ['another nesting', pixels({ data: [values.slice(0, 6), values.slice(6)] }), /nested/],
    ['normalised floats', pixels({ datatype: 'FP32', data: [-0.5, ...values.slice(1)] }), /not normalised/],
    ['a float that is no number', pixels({ datatype: 'FP32', data: [1e300, ...values.slice(1)] }), /not in 0 to 255/],
    ['channels first', image({ datatype: 'UINT8', shape: [1, 3, 2, 2], data: values }), /\[n, height, width, 3\]/],
    ['no batch dimension', image({ datatype: 'UINT8', shape: [2, 2, 3], data: values }), /\[n, height, width, 3\]/],
    ['no picture', image({ datatype: 'UINT8', shape: [0, 1, 2, 3], data: [] }), /1 to 256 pictures/],
    ['no height', image({ datatype: 'UINT8', shape: [1, 0, 2, 3], data: [] }), /\[n, height, width, 3\]/],
    ['data twice', pixels({ data: values, parameters: { binary_data_size: 12 } }), /either/],
    ['no data', pixels({}), /either/],
    ['a size that is not sent', pixels({ parameters: { binary_data_size: 12 } }), /0 bytes follow/],
    ['too many pictures', image({ datatype: 'BYTES', shape: [257], data: [] }), /1 to 256 pictures/],
  ])('are refused with %s', (_, request, why) => {
    expect(refusal(() => pictures(request))).toMatch(/^bad_inference_request/);
    expect(refusal(() => pictures(request))).toMatch(why);
  });

  it('are refused by what the shape claims, before anything is made for it', () => {
    const claims = (shape: number[]) => refusal(() => pictures(image({ datatype: 'UINT8', shape, data: [] })));
    expect(claims([1, 100, 11, 3])).toMatch(/^too_many_pixels/);
    expect(claims([1, 2 ** 40, 2 ** 40, 3])).toMatch(/^too_many_pixels/);
    expect(claims([256, 30, 30, 3])).toMatch(/^too_many_bytes/);
  });

  it.each<[string, unknown, RegExp]>([
    ['flat', [], /^bad_inference_request: .* 0 values; its shape has 19500000/],
    ['nested', [[[[]]]], /^too_many_bytes: .*binary_data_size/],
  ])('are refused before room is made for values that JSON cannot hold: %s', (_, data, why) => {
    const body = json(image({ datatype: 'FP32', shape: [1, 2500, 2600, 3], data }));
    const before = process.memoryUsage().arrayBuffers;
    const work = () => [...parseInference(body, undefined, { maxBytes: 20_000_000, maxPixels: 50_000_000 }).pictures];
    expect(refusal(work)).toMatch(why);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(10_000_000);
  });

  it('are refused when more or less follows the JSON than its shape has', () => {
    for (const length of [11, 13]) {
      const request = pixels({ parameters: { binary_data_size: length } });
      expect(refusal(() => pictures(request, Buffer.alloc(length)))).toMatch(/12 bytes of UINT8/);
    }
  });
});

describe('encoded pictures', () => {
  it('come in binary, in base64, or alone as the body', async () => {
    const picture = await jpeg();
    const same = [{ image: picture }];
    const binary = Buffer.concat([Buffer.from([picture.length & 255, picture.length >> 8, 0, 0]), picture]);
    const sized = { parameters: { binary_data_size: binary.length } };
    expect(pictures(image({ datatype: 'BYTES', shape: [1, 1], ...sized }), binary)).toEqual(same);
    const base64 = { parameters: { content_type: 'base64' }, datatype: 'BYTES' };
    const text = picture.toString('base64');
    expect(pictures(image({ ...base64, shape: [1], data: [text] }))).toEqual(same);
    expect(pictures(image({ ...base64, shape: [1, 1], data: [[text]] }))).toEqual(same);
    expect(pictures(image({ ...base64, shape: [2, 1], data: [text, text] }))).toEqual([...same, ...same]);
    const raw = parseInference(picture, '0', LIMITS);
    expect([...raw.pictures]).toEqual(same);
    expect(raw.asked.parameters.binary_data_output).toBe(true);
  });

  it('are decoded from base64 one by one: others have their turn between them', async () => {
    const picture = await jpeg();
    const data = [picture.toString('base64'), 'a*cd'];
    const request = image({ datatype: 'BYTES', shape: [2], parameters: { content_type: 'base64' }, data });
    const coming = parseInference(json(request), undefined, LIMITS).pictures[Symbol.iterator]();
    expect(coming.next().value).toEqual({ image: picture });
    expect(refusal(() => coming.next())).toMatch(/element 1 .* is not base64/);
  });

  it.each<[string, string, object]>([
    ['text without a word of base64', 'bad_inference_request', { data: ['abcd'] }],
    ['text that is no base64', 'bad_inference_request', { data: ['a*cd'], parameters: { content_type: 'base64' } }],
    ['a number', 'bad_inference_request', { data: [1], parameters: { content_type: 'base64' } }],
    ['no picture in it', 'unsupported_format', { data: ['YWJj'], parameters: { content_type: 'base64' } }],
    ['nothing in it', 'empty_body', { data: [''], parameters: { content_type: 'base64' } }],
  ])('are refused with %s', (_, code, more) => {
    const request = image({ datatype: 'BYTES', shape: [1], ...more });
    expect(refusal(() => pictures(request))).toMatch(new RegExp(`^${code}: `));
  });
});

describe('a request', () => {
  const bytes = image({ datatype: 'BYTES', shape: [1], data: ['YWJj'] });

  it.each<[string, object]>([
    ['inputs', {}],
    ['inputs', { inputs: [] }],
    ['inputs', { inputs: [...bytes.inputs, ...bytes.inputs] }],
    ['inputs[0].name', { inputs: [{ ...bytes.inputs[0], name: 'picture' }] }],
    ['inputs[0].datatype', { inputs: [{ ...bytes.inputs[0], datatype: 'INT8' }] }],
    ['inputs[0].shape[0]', { inputs: [{ ...bytes.inputs[0], shape: [-1] }] }],
    ['inputs[0].parameters', { inputs: [{ ...bytes.inputs[0], parameters: { shared_memory_region: 'x' } }] }],
    ['outputs[0].name', { ...bytes, outputs: [{ name: 'scores' }] }],
    ['parameters', { ...bytes, parameters: { polcy: 'fast' } }],
    ['parameters.top', { ...bytes, parameters: { top: 0 } }],
    ['parameters.priority', { ...bytes, parameters: { priority: -1 } }],
    ['parameters.priority', { ...bytes, parameters: { priority: 'high' } }],
    ['parameters.timeout', { ...bytes, parameters: { timeout: -1 } }],
    ['parameters.deadline_ms', { ...bytes, parameters: { deadline_ms: 'soon' } }],
    ['id', { ...bytes, id: 42 }],
  ])('is refused naming %s, as in %j', (where, request) => {
    expect(refusal(() => pictures(request))).toMatch(`bad_inference_request: ${where}: `);
  });

  it('has no timeout where that is 0', () => {
    const timeoutOf = (timeout: number) => {
      const body = json({ ...bytes, parameters: { timeout, priority: 0 } });
      return parseInference(body, undefined, LIMITS).asked.parameters.timeout;
    };
    expect([timeoutOf(0), timeoutOf(1)]).toEqual([undefined, 1]);
  });

  it('may hold keys that are not ours', () => {
    const request = { ...bytes, model_name: 'any', inputs: [{ ...bytes.inputs[0], more: 1 }] };
    expect(parseInference(json(request), undefined, LIMITS).asked.inputs.length).toBe(1);
  });
});
