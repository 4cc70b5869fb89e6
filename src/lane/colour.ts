/**
 * Pixels of other RGB colour spaces made sRGB, by a grid of colours that libvips converted once for each profile: setting up a conversion takes
 * it 7 ms, whatever the size of the picture, and those who send pictures have few profiles between them.
 */

import { createHash } from 'node:crypto';
import { crc32, deflateSync } from 'node:zlib';
import { LRUCache } from 'lru-cache';
import sharp from 'sharp';

/** Colours between are interpolated; a grid has NODES^3 of them. */
const NODES = 18;
/** From node to node, a whole number: 255 is the last one. */
const STEP = 255 / (NODES - 1);
/** In the grid, to the next node of each component. */
const [RED, GREEN, BLUE] = [NODES * NODES * 3, NODES * 3, 3] as const;
/** Profiles that are remembered, 17 KB each. */
const REMEMBERED = 32;

/** By component: the node below, and how far it is from there to the next. */
const below = Uint8Array.from({ length: 256 }, (_, value) => Math.min(NODES - 2, Math.floor(value / STEP)));
const beyond = Float32Array.from({ length: 256 }, (_, value) => value / STEP - below[value]!);

/** [NODES, NODES, NODES, 3] uint8, by red, green and blue of the profile: the colour in sRGB. */
export type ColourGrid = Uint8Array;

const known = new LRUCache<string, Promise<ColourGrid>>({ max: REMEMBERED });

/**
 * The grid of a profile, from memory where it was asked for lately.
 * @param profile ICC, of an RGB colour space
 * @throws what libvips says of a profile that it cannot read
 */
export function gridOf(profile: Uint8Array): Promise<ColourGrid> {
  const key = createHash('sha256').update(profile).digest('base64');
  const held = known.get(key);
  if (held !== undefined) return held;
  const grid = converted(profile);
  known.set(key, grid);
  grid.catch(() => known.delete(key));
  return grid;
}

async function converted(profile: Uint8Array): Promise<ColourGrid> {
  const colours = new Uint8Array(NODES ** 3 * 3);
  for (let at = 0; at < NODES ** 3; at++) {
    const [red, green, blue] = [Math.floor(at / NODES ** 2), Math.floor(at / NODES) % NODES, at % NODES];
    colours.set([red * STEP, green * STEP, blue * STEP], at * 3);
  }
  const raw = { width: NODES, height: NODES ** 2, channels: 3 } as const;
  const png = await sharp(colours, { raw }).png({ compressionLevel: 0 }).toBuffer();
  const grid = await sharp(withProfile(png, profile)).toColourspace('srgb').raw({ depth: 'uchar' }).toBuffer();
  if (grid.length !== colours.length) throw new Error(`the colours of a profile have become ${grid.length} bytes`);
  return new Uint8Array(grid);
}

/** After the signature and the first chunk, IHDR, of 13 bytes. */
const AFTER_HEADER = 8 + 25;

/** With the chunk iCCP (W3C PNG, 11.3.2.3). */
function withProfile(png: Buffer, profile: Uint8Array): Buffer {
  const body = Buffer.concat([Buffer.from('iCCPprofile\0\0'), deflateSync(profile)]);
  const [length, check] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(body.length - 4);
  check.writeUInt32BE(crc32(body));
  return Buffer.concat([png.subarray(0, AFTER_HEADER), length, body, check, png.subarray(AFTER_HEADER)]);
}

/**
 * Converts in place, by tetrahedral interpolation: along the components, from the one that is farthest from its node to the nearest. Without
 * arrays and calls, a pixel takes 25 ns.
 * @param rgb [pixels, 3] uint8
 */
export function convert(rgb: Uint8Array, grid: ColourGrid): void {
  for (let at = 0; at < rgb.length; at += 3) {
    const r = rgb[at]!;
    const g = rgb[at + 1]!;
    const b = rgb[at + 2]!;
    const fr = beyond[r]!;
    const fg = beyond[g]!;
    const fb = beyond[b]!;
    const from = below[r]! * RED + below[g]! * GREEN + below[b]! * BLUE;
    const to = from + RED + GREEN + BLUE;
    // Of the farthest component and of the nearest one, the corners: one step done, and all but one. Where two are as far, theirs weighs nothing.
    let most = fr;
    let least = fb;
    let first = from + RED;
    let second = to - BLUE;
    if (fg > most) {
      most = fg;
      first = from + GREEN;
    }
    if (fb > most) {
      most = fb;
      first = from + BLUE;
    }
    if (fg < least) {
      least = fg;
      second = to - GREEN;
    }
    if (fr < least) {
      least = fr;
      second = to - RED;
    }
    const middle = fr + fg + fb - most - least;
    const [w0, w1, w2] = [1 - most, most - middle, middle - least];
    rgb[at] = w0 * grid[from]! + w1 * grid[first]! + w2 * grid[second]! + least * grid[to]! + 0.5;
    rgb[at + 1] = w0 * grid[from + 1]! + w1 * grid[first + 1]! + w2 * grid[second + 1]! + least * grid[to + 1]! + 0.5;
    rgb[at + 2] = w0 * grid[from + 2]! + w1 * grid[first + 2]! + w2 * grid[second + 2]! + least * grid[to + 2]! + 0.5;
  }
}
