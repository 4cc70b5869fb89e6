/** Ways to spoil bytes and texts. */

import type { Random } from './random.js';

type Mutation = (bytes: Buffer, random: Random, other: Buffer) => Buffer;

/** Numbers at the edges of what length fields hold. */
const EDGES = [0, 1, 2, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xffffffff];
/** Formats keep their lengths and sizes near their beginning: half of the changes go there. */
const HEAD = 512;

const place = (bytes: Buffer, random: Random) =>
  random.below(random.chance(0.5) ? Math.min(HEAD, bytes.length) : bytes.length);

const MUTATIONS: Readonly<Record<string, Mutation>> = {
  flip: (bytes, random) => {
    for (let i = 1 + random.below(16); i > 0; i--) bytes[place(bytes, random)]! ^= 1 << random.below(8);
    return bytes;
  },
  byte: (bytes, random) => {
    for (let i = 1 + random.below(8); i > 0; i--) bytes[place(bytes, random)] = random.below(256);
    return bytes;
  },
  truncate: (bytes, random) => bytes.subarray(0, random.below(bytes.length)),
  /** A number of 2 or 4 bytes is replaced by one at the edge. */
  length: (bytes, random) => {
    const size = random.pick([2, 4]);
    if (bytes.length < size) return bytes;
    const at = Math.min(place(bytes, random), bytes.length - size);
    const value = random.pick(EDGES) % 2 ** (8 * size);
    if (random.chance(0.5)) bytes.writeUIntBE(value, at, size);
    else bytes.writeUIntLE(value, at, size);
    return bytes;
  },
  /** The beginning of one with the end of another. */
  splice: (bytes, random, other) =>
    Buffer.concat([bytes.subarray(0, random.below(bytes.length)), other.subarray(random.below(other.length))]),
  /** The first bytes of another format on this one. */
  header: (bytes, random, other) => {
    const length = 4 + random.below(60);
    return Buffer.concat([other.subarray(0, length), bytes.subarray(Math.min(bytes.length, length))]);
  },
  insert: (bytes, random) => {
    const at = place(bytes, random);
    return Buffer.concat([bytes.subarray(0, at), random.bytes(1 + random.below(64)), bytes.subarray(at)]);
  },
  remove: (bytes, random) => {
    const at = place(bytes, random);
    return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + random.below(64))]);
  },
  repeat: (bytes, random) => {
    const at = place(bytes, random);
    const piece = bytes.subarray(at, at + 1 + random.below(256));
    return Buffer.concat([
      bytes.subarray(0, at),
      ...Array.from({ length: 1 + random.below(32) }, () => piece),
      bytes.subarray(at),
    ]);
  },
  zero: (bytes, random) => {
    const at = place(bytes, random);
    return bytes.fill(random.pick([0, 0xff]), at, Math.min(bytes.length, at + random.below(256)));
  },
};

/**
 * One to three mutations, one after the other.
 * @param other whose pieces are mixed in
 */
export function mutated(bytes: Buffer, random: Random, other: Buffer): Buffer {
  let result = Buffer.from(bytes);
  for (let i = 1 + random.below(3); i > 0 && result.length > 0; i--)
    result = Buffer.from(MUTATIONS[random.pick(Object.keys(MUTATIONS))]!(result, random, other));
  return result;
}

/** Tokens that mean something to parsers of YAML, JSON, queries and headers. */
const TOKENS = [
  '', '0', '-1', '1e309', '-0', 'NaN', '.inf', 'null', 'true', '~', '[]', '{}', '[', '{', ']', '}', '"', "'", ':', ',', '\n', '\t', '\0',
  '&a [*a, *a]', '*a', '!!binary x', '!!js/function x', '<<: *a', '---', '...', '%YAML 9.9', '__proto__', 'constructor', 'toString',
  '\u202e', '\ud800', '\u{1f600}', '%', '%00', '%ff', '%E0%A4%A', '+', '&', '=', ';', '?', '#', '../../etc/passwd', '99999999999999999999',
  'a'.repeat(300), '['.repeat(300), '{"a":'.repeat(200), '- '.repeat(200),
]; // biome-ignore format: one list

/** Texts are spoilt by their tokens and their lines, not by their bits alone. */
export function mutatedText(text: string, random: Random): string {
  let result = text;
  for (let i = 1 + random.below(4); i > 0; i--) {
    const words = result.split(/(?<=[\s:,[\]{}"'=&])/);
    const at = random.below(words.length);
    const way = random.below(6);
    if (way === 0) words[at] = random.pick(TOKENS);
    else if (way === 1) words.splice(at, 0, random.pick(TOKENS));
    else if (way === 2) words.splice(at, 1 + random.below(4));
    else if (way === 3) words.splice(at, 0, ...words.slice(at, at + random.below(12)));
    else if (way === 4) [words[at], words[random.below(words.length)]] = [random.pick(words), words[at]!];
    else
      words[at] = mutated(Buffer.from(words[at]!.length > 0 ? words[at]! : 'x'), random, Buffer.from('x')).toString();
    result = words.join('');
  }
  return result.slice(0, 200_000);
}
