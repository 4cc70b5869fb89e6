/**
 * Resizes decoded pictures with vector instructions: a fifth of the time that libvips takes with its threads and its pipeline around
 * it, and with enlarged pixels where they belong (libvips places them up to half a source pixel off, which a network that was trained
 * on other ones notices).
 */

import { FastResizeFilter, ResizeFit, Transformer } from '@napi-rs/image';
import type { Kernel } from '../cascade/manifest.js';

/** Rows of pixels, [height, width, 3] uint8. */
export interface Raster {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

/** Those that widen with the step when they shrink, as libvips' do. */
const FILTERS: { readonly [kernel in Kernel]?: FastResizeFilter } = {
  linear: FastResizeFilter.Bilinear,
  cubic: FastResizeFilter.CatmullRom,
  mitchell: FastResizeFilter.Mitchell,
  lanczos3: FastResizeFilter.Lanczos3,
};

export function canResample(kernel: Kernel): boolean {
  return FILTERS[kernel] !== undefined;
}

/** The options of a resize to exactly so many pixels. @param kernel one of {@link canResample} */
export function resizing(width: number, height: number, kernel: Kernel) {
  return { width, height, filter: FILTERS[kernel]!, fit: ResizeFit.Fill };
}

/** The centre square of a picture, resized to `[side, side, 3]` uint8. @param kernel one of {@link canResample} */
export function resample(raster: Raster, side: number, kernel: Kernel): Uint8Array {
  const square = Math.min(raster.width, raster.height);
  const pixels = centre(raster, square);
  if (square === side) return withoutAlpha(pixels);
  const resized = Transformer.fromRgbaPixels(pixels, square, square).fastResize(resizing(side, side, kernel));
  return withoutAlpha(resized.rawPixelsSync());
}

/** [square, square, 4] of the middle. */
function centre({ width, height, data }: Raster, square: number): Uint8Array {
  const out = new Uint8Array(square * square * 4);
  const [left, top] = [Math.floor((width - square) / 2), Math.floor((height - square) / 2)];
  for (let y = 0, to = 0; y < square; y++) {
    let from = ((y + top) * width + left) * 3;
    for (let x = 0; x < square; x++, from += 3, to += 4) {
      out[to] = data[from]!;
      out[to + 1] = data[from + 1]!;
      out[to + 2] = data[from + 2]!;
      out[to + 3] = 255;
    }
  }
  return out;
}

/** [pixels, 4] to [pixels, 3]. */
export function withoutAlpha(rgba: Uint8Array): Uint8Array {
  const rgb = new Uint8Array((rgba.length / 4) * 3);
  for (let from = 0, to = 0; from < rgba.length; from += 4, to += 3) {
    rgb[to] = rgba[from]!;
    rgb[to + 1] = rgba[from + 1]!;
    rgb[to + 2] = rgba[from + 2]!;
  }
  return rgb;
}
