/** Features of a picture that cost next to nothing: its size in pixels and bytes, and what a thumbnail shows. */

import type { Content } from '../policy/entry.js';
import type { PixelSize } from './messages.js';

/** Side of the thumbnail, pixels. */
const THUMBNAIL = 32;

/**
 * - log_pixels: log2 of the source's width x height
 * - bits_per_pixel: encoded bits by source pixels: detail costs bits, but a format without loss costs many times those of JPEG
 * - gradient: mean absolute difference between neighbours of the grey thumbnail, 0..1
 * - colour: colourfulness of the thumbnail (Hasler and Suesstrunk, 2003), 0..1
 * @param pixels [side, side, 3] uint8, of any decode of the picture; sides that 32 divides give the same thumbnail
 */
export function contentOf(source: PixelSize, bytes: number, pixels: Uint8Array, side: number): Content {
  const thumbnail = shrunk(pixels, side, Math.min(THUMBNAIL, side));
  const area = Math.max(1, source.width * source.height);
  return [Math.log2(area), (8 * bytes) / area, gradient(thumbnail), colour(thumbnail)];
}

interface Thumbnail {
  readonly side: number;
  /** [side, side, 3], 0..255 */
  readonly data: Float32Array;
}

/** Means over boxes of whole pixels. */
function shrunk(pixels: Uint8Array, side: number, to: number): Thumbnail {
  const data = new Float32Array(to * to * 3);
  const edge = (i: number) => Math.floor((i * side) / to);
  for (let y = 0, at = 0; y < to; y++) {
    for (let x = 0; x < to; x++, at += 3) {
      const [top, bottom, left, right] = [edge(y), edge(y + 1), edge(x), edge(x + 1)];
      for (let row = top; row < bottom; row++) {
        for (let from = (row * side + left) * 3; from < (row * side + right) * 3; from += 3) {
          data[at]! += pixels[from]!;
          data[at + 1]! += pixels[from + 1]!;
          data[at + 2]! += pixels[from + 2]!;
        }
      }
      const area = (bottom - top) * (right - left);
      for (let c = 0; c < 3; c++) data[at + c]! /= area;
    }
  }
  return { side: to, data };
}

function gradient({ side, data }: Thumbnail): number {
  const grey = (y: number, x: number) => {
    const at = (y * side + x) * 3;
    return 0.299 * data[at]! + 0.587 * data[at + 1]! + 0.114 * data[at + 2]!;
  };
  let sum = 0;
  for (let y = 0; y + 1 < side; y++) {
    for (let x = 0; x + 1 < side; x++) {
      sum += Math.abs(grey(y, x + 1) - grey(y, x)) + Math.abs(grey(y + 1, x) - grey(y, x));
    }
  }
  return sum / (2 * (side - 1) ** 2 * 255);
}

function colour({ side, data }: Thumbnail): number {
  const count = side * side;
  const sums = [0, 0, 0, 0];
  for (let at = 0; at < data.length; at += 3) {
    const redGreen = data[at]! - data[at + 1]!;
    const yellowBlue = (data[at]! + data[at + 1]!) / 2 - data[at + 2]!;
    sums[0]! += redGreen;
    sums[1]! += yellowBlue;
    sums[2]! += redGreen ** 2;
    sums[3]! += yellowBlue ** 2;
  }
  const [rg, yb, rg2, yb2] = sums.map((sum) => sum / count) as [number, number, number, number];
  const spread = Math.sqrt(Math.max(0, rg2 - rg ** 2 + yb2 - yb ** 2));
  return (spread + 0.3 * Math.hypot(rg, yb)) / 255;
}
