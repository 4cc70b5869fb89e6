import { describe, expect, it } from 'vitest';
import { contentOf } from '../../src/lane/content.js';
import { type Entry, entryLeg } from '../../src/policy/entry.js';
import { probabilityOf } from '../../src/policy/logistic.js';

const entry: Entry = { leg: 2, above: 0.6, intercept: -3, weights: [0, 1, 0, 10] };

describe('entry by content', () => {
  it('is a logistic model over the features', () => {
    expect(probabilityOf(entry, [20, 2, 0.5, 0.1])).toBeCloseTo(0.5, 12);
    expect(probabilityOf(entry, [20, 3, 0.5, 0.1])).toBeCloseTo(1 / (1 + Math.exp(-1)), 12);
  });

  it('sends a picture to the leg of the rule from its probability on, every other one to the first', () => {
    expect(entryLeg(entry, [0, 3, 0, 0.1])).toBe(2);
    expect(entryLeg(entry, [0, 2, 0, 0.1])).toBe(0);
    expect(entryLeg(undefined, [0, 3, 0, 0.1])).toBe(0);
  });
});

describe('the content of a picture', () => {
  const side = 64;
  const filled = (at: (x: number, y: number) => readonly [number, number, number]) => {
    const pixels = new Uint8Array(side * side * 3);
    for (let i = 0; i < side * side; i++) pixels.set(at(i % side, Math.floor(i / side)), 3 * i);
    return pixels;
  };
  const source = { width: 640, height: 400 };

  it('knows the size of the source and how many bits its encoder spent on a pixel', () => {
    const [logPixels, bits] = contentOf(
      source,
      32_000,
      filled(() => [9, 9, 9]),
      side,
    );
    expect(logPixels).toBeCloseTo(Math.log2(256_000), 12);
    expect(bits).toBe(1);
  });

  it('finds neither gradient nor colour in plain grey', () => {
    expect(
      contentOf(
        source,
        1,
        filled(() => [120, 120, 120]),
        side,
      ).slice(2),
    ).toEqual([0, 0]);
  });

  it('measures the gradient of a ramp in the thumbnail: 8 grey levels a thumbnail pixel, in one of two directions', () => {
    const [, , gradient] = contentOf(
      source,
      1,
      filled((x) => [4 * x, 4 * x, 4 * x]),
      side,
    );
    expect(gradient).toBeCloseTo(8 / 2 / 255, 6);
  });

  it('calls a red picture colourful, and one of two colours more so', () => {
    const [, , , red] = contentOf(
      source,
      1,
      filled(() => [200, 0, 0]),
      side,
    );
    const [, , , both] = contentOf(
      source,
      1,
      filled((x) => (x < 32 ? [200, 0, 0] : [0, 0, 200])),
      side,
    );
    expect(red).toBeCloseTo((0.3 * Math.hypot(200, 100)) / 255, 6);
    expect(both).toBeGreaterThan(red);
  });

  it('takes pictures smaller than the thumbnail as they are', () => {
    expect(contentOf(source, 1, new Uint8Array(24 * 24 * 3).fill(7), 24).slice(2)).toEqual([0, 0]);
  });
});
