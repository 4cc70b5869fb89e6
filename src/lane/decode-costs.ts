/**
 * Measures what decoding costs on this machine: {@link DecodeCosts} for the sides of all rungs. Of pictures that libvips decodes: plain
 * JPEGs leave nothing to choose.
 */

import sharp from 'sharp';
import { decode, shrink } from './decode.js';
import type { DecodeCosts } from './decode-side.js';

/** A thumbnail, a web picture, and a photograph as a phone's messenger sends it. */
const SOURCES = [
  [90, 70],
  [500, 375],
  [1600, 1200],
] as const;
const REPEATS = 2;

/** @param sides of all rungs, pixels */
export async function measureDecodes(sides: readonly number[]): Promise<DecodeCosts> {
  if (sides.length === 0) return { sources: [1], ms: {}, shrinkMs: 0 };
  const ms: Record<number, number[]> = Object.fromEntries(sides.map((side) => [side, []]));
  const [small, large] = [Math.min(...sides), Math.max(...sides)];
  for (const [width, height] of SOURCES) {
    const image = await likePhotograph(width, height, 6);
    const target = { kernel: 'cubic', maxPixels: width * height } as const;
    const msOf = (side: number) => fastest(() => decode(image, { ...target, resolution: side }));
    // Those between are taken to lie on a line, which hides the steps in which libvips shrinks (by 8, 4, 2): to measure each side would be
    // half a second of the start, for a choice that costs a millisecond where it is wrong.
    const [least, most] = [await msOf(small), await msOf(large)];
    for (const side of sides) ms[side]!.push(least + ((most - least) * (side - small)) / Math.max(1, large - small));
  }
  const pixels = new Uint8Array(large * large * 3).fill(128);
  const shrinkMs = await fastest(() => shrink({ side: large, data: pixels }, small, 'cubic'));
  return { sources: SOURCES.map(([width, height]) => width * height), ms, shrinkMs };
}

/** Side of the piece that pictures are made of, pixels: to draw millions of random ones takes longer than all that is measured. */
const TILE = 200;

/**
 * A JPEG with about as much detail as photographs have, whatever its size: blurred noise, repeated.
 * @param orientation as EXIF has it: 1 upright, 6 of a camera that was held upright itself, which is left to libvips
 */
export async function likePhotograph(width: number, height: number, orientation = 1): Promise<Uint8Array> {
  const noise = { type: 'gaussian', mean: 128, sigma: 60 } as const;
  const [tileWidth, tileHeight] = [Math.min(TILE, width), Math.min(TILE, height)];
  const tile = sharp({ create: { width: tileWidth, height: tileHeight, channels: 3, background: '#808080', noise } });
  const raw = await tile.blur(1.5).raw().toBuffer({ resolveWithObject: true });
  const picture = sharp(raw.data, { raw: raw.info })
    .extend({ right: width - tileWidth, bottom: height - tileHeight, extendWith: 'repeat' })
    .jpeg({ quality: 85 });
  return (orientation === 1 ? picture : picture.withMetadata({ orientation })).toBuffer();
}

/** The shortest of a few, milliseconds: noise only ever adds time. */
async function fastest(work: () => Promise<unknown>): Promise<number> {
  let best = Number.POSITIVE_INFINITY;
  for (let repeat = 0; repeat < REPEATS; repeat++) {
    const from = performance.now();
    await work();
    best = Math.min(best, performance.now() - from);
  }
  return best;
}
