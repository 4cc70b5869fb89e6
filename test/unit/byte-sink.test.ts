import { describe, expect, it } from 'vitest';
import { ByteSink } from '../../src/http/byte-sink.js';

const bytes = (length: number, from = 0) => Buffer.from(Array.from({ length }, (_, i) => (from + i) % 256));

describe('ByteSink', () => {
  it('gives back what was pushed, whatever the pieces', () => {
    const all = bytes(200_000);
    for (const size of [1, 7, 65_536, 200_000]) {
      const sink = new ByteSink(200_000);
      for (let at = 0; at < all.length; at += size) expect(sink.push(all.subarray(at, at + size))).toBe(true);
      expect(sink.bytes().equals(all)).toBe(true);
    }
  });

  it('makes room for exactly what was announced, once an eighth of it is there', () => {
    const roomFor = (announced: number) => {
      const sink = new ByteSink(1_000_000, announced);
      for (let at = 0; at < 20_000; at += 10_000) sink.push(bytes(10_000));
      return sink.bytes().buffer.byteLength;
    };
    expect(roomFor(150_000)).toBe(150_000);
    expect(roomFor(900_000)).toBe(65_536);
    // More comes than was announced: also that is kept.
    expect(roomFor(15_000)).toBe(65_536);
    expect(roomFor(Number.NaN)).toBe(65_536);
  });

  it('passes a single piece on without copying it', () => {
    const sink = new ByteSink(10);
    const piece = bytes(10);
    sink.push(piece);
    expect(sink.bytes().buffer).toBe(piece.buffer);
  });

  it('takes exactly as many bytes as allowed and refuses the piece that would be too many', () => {
    const sink = new ByteSink(10);
    expect(sink.push(bytes(6))).toBe(true);
    expect(sink.push(bytes(5))).toBe(false);
    expect(sink.push(bytes(4, 6))).toBe(true);
    expect(sink.bytes().equals(bytes(10))).toBe(true);
  });

  it('is empty at first', () => {
    expect(new ByteSink(10).bytes().length).toBe(0);
  });
});
