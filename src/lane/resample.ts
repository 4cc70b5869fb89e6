/**
 * Resizes small decoded pictures in this thread, in WebAssembly: without libvips' fixed cost of 0.6 ms a picture, and with enlarged
 * pixels where they belong (libvips places them up to half a source pixel off, which a network trained on other ones notices).
 */

import resize, { initResize } from '@jsquash/resize';
import type { Manifest } from '../cascade/manifest.js';
import { compiled, PixelData } from './wasm.js';

type Kernel = Manifest['input']['kernel'];

/** Rows of pixels, [height, width, channels] uint8. */
export interface Raster {
  readonly width: number;
  readonly height: number;
  readonly channels: 3 | 4;
  readonly data: Uint8Array | Uint8ClampedArray;
}

const METHODS: { readonly [kernel in Kernel]?: 'triangle' | 'catrom' | 'mitchell' | 'lanczos3' } = {
  linear: 'triangle',
  cubic: 'catrom',
  mitchell: 'mitchell',
  lanczos3: 'lanczos3',
};
let ready: Promise<unknown> | undefined;

async function start(): Promise<void> {
  await (initResize as (module: unknown) => Promise<unknown>)(
    await compiled('@jsquash/resize/lib/resize/pkg/squoosh_resize_bg.wasm'),
  );
}

export function canResample(kernel: Kernel): boolean {
  return METHODS[kernel] !== undefined;
}

/** The centre square of a picture, resized to `[side, side, 3]` uint8. @param kernel one of {@link canResample} */
export async function resample(raster: Raster, side: number, kernel: Kernel): Promise<Uint8Array> {
  const square = Math.min(raster.width, raster.height);
  if (raster.width === side && raster.height === side && raster.channels === 4) return withoutAlpha(raster.data);
  // A buffer of its own: the resizer reads it from beginning to end.
  const pixels = centre(raster, square);
  if (square === side) return withoutAlpha(pixels);
  ready ??= start();
  await ready;
  const picture = new PixelData(pixels, square, square) as unknown as Parameters<typeof resize>[0];
  const method = METHODS[kernel]!;
  const to = { width: side, height: side, method, fitMethod: 'stretch', premultiply: false, linearRGB: false } as const;
  return withoutAlpha((await resize(picture, to)).data);
}

/** [square, square, 4] of the middle. */
function centre({ width, height, channels, data }: Raster, square: number): Uint8ClampedArray {
  const out = new Uint8ClampedArray(square * square * 4);
  const [left, top] = [Math.floor((width - square) / 2), Math.floor((height - square) / 2)];
  for (let y = 0, to = 0; y < square; y++) {
    let from = ((y + top) * width + left) * channels;
    for (let x = 0; x < square; x++, from += channels, to += 4) {
      out[to] = data[from]!;
      out[to + 1] = data[from + 1]!;
      out[to + 2] = data[from + 2]!;
      out[to + 3] = 255;
    }
  }
  return out;
}

function withoutAlpha(rgba: Uint8Array | Uint8ClampedArray): Uint8Array {
  const rgb = new Uint8Array((rgba.length / 4) * 3);
  for (let from = 0, to = 0; from < rgba.length; from += 4, to += 3) {
    rgb[to] = rgba[from]!;
    rgb[to + 1] = rgba[from + 1]!;
    rgb[to + 2] = rgba[from + 2]!;
  }
  return rgb;
}
