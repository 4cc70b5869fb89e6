/**
 * Plain JPEGs up to the size of a web picture, decoded and resized by a library in Rust: half of the time that libvips takes for 500 x
 * 375 pixels, whose threads and pipeline cost 2 ms however small the picture is. Larger ones are left to it: it shrinks while it decodes.
 */

import { Transformer } from '@napi-rs/image';
import { convert, gridOf } from './colour.js';
import { type JpegHeader, jpegHeader } from './jpeg-header.js';
import { type Kernel, resizing, withoutAlpha } from './resample.js';

/** Width x height above which what follows is dearer than libvips (measured at 800 x 600). */
const MOST_PIXELS = 500_000;
/** Decoded in this thread up to here, which takes 0.3 ms: a thread of its own costs a third of that. */
export const LARGEST_SIDE = 192;
/** Resized as a whole before the centre is taken: of a strip that would be in vain. */
const LONGEST = 3;

/**
 * `[side, side, 3]` uint8: the short side resized, then the centre of the long one, as libvips does it.
 * @param kernel one of `canResample`
 * @returns undefined when the picture is not such a JPEG, or not flawless: then the general decoder must look at it
 */
export async function decodePlainJpeg(
  image: Uint8Array,
  side: number,
  kernel: Kernel,
  maxPixels: number,
): Promise<Uint8Array | undefined> {
  const header = jpegHeader(image);
  if (!header?.plain || !isWhole(image)) return undefined;
  const { width, height, profile } = header;
  const [short, long] = [Math.min(width, height), Math.max(width, height)];
  if (width * height > Math.min(MOST_PIXELS, maxPixels) || long > short * LONGEST) return undefined;
  const small = long <= LARGEST_SIDE;
  try {
    const grid = profile === undefined ? undefined : await gridOf(profile);
    const ready = scaled(new Transformer(image), header, side, kernel);
    const rgb = withoutAlpha(small ? ready.rawPixelsSync() : await ready.rawPixels());
    if (rgb.length !== side * side * 3) return undefined;
    if (grid !== undefined) convert(rgb, grid);
    return rgb;
  } catch {
    return undefined;
  }
}

/** With a fourth channel, which every resize adds: also grey has four then. */
function scaled(picture: Transformer, { width, height }: JpegHeader, side: number, kernel: Kernel) {
  const scale = side / Math.min(width, height);
  const [wide, high] = [Math.round(width * scale), Math.round(height * scale)];
  const sized = picture.fastResize(resizing(wide, high, kernel));
  if (wide === high) return sized;
  const middle = (length: number) => (length - side + 1) >> 1;
  return sized.crop(middle(wide), middle(high), side, side);
}

/** With the marker at its end (T.81: EOI): the decoder would fill up with grey what is cut short. */
function isWhole(image: Uint8Array): boolean {
  return image.at(-2) === 0xff && image.at(-1) === 0xd9;
}
