/**
 * Plain JPEGs up to the size of a web picture, decoded and resized without libvips, whose threads and pipeline cost 2 ms however small the
 * picture is. Larger ones are left to it: it shrinks while it decodes.
 *
 * libjpeg-turbo is the fastest decoder, but its binding asks for its fast transform, whose error is seen where pictures are enlarged (0.26 points
 * of top-1 of photo200 on pictures of 64 px): small ones are decoded by zune-jpeg.
 */

import turbo from '@julusian/jpeg-turbo';
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
/** Each goes through the whole picture, and a megabyte has room for fifty thousand; libvips gives up after some seconds. */
const MOST_SCANS = 100;
/** The marker of a scan: within one, a zero stands behind each 0xff. */
const SCAN = Buffer.from([0xff, 0xda]);
const RGBA = { format: turbo.FORMAT_RGBA };

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
  const bytes = Buffer.from(image.buffer, image.byteOffset, image.length);
  if (hasManyScans(bytes)) return undefined;
  const small = long <= LARGEST_SIDE;
  try {
    const grid = profile === undefined ? undefined : await gridOf(profile);
    const picture = small ? new Transformer(image) : await decodedByTurbo(bytes);
    const ready = scaled(picture, header, side, kernel);
    const rgb = withoutAlpha(small ? ready.rawPixelsSync() : await ready.rawPixels());
    if (rgb.length !== side * side * 3) return undefined;
    if (grid !== undefined) convert(rgb, grid);
    return rgb;
  } catch {
    return undefined;
  }
}

/** Where pictures were decoded to: one for each that is decoded at a time. As garbage they would stay until the next collection. */
const spare: Buffer[] = [];

/** @throws Error also where the decoder only warns, of what is damaged within: libvips then has the last word */
async function decodedByTurbo(bytes: Buffer): Promise<Transformer> {
  const room = spare.pop() ?? Buffer.allocUnsafeSlow(MOST_PIXELS * 4);
  try {
    const { data, width, height } = await turbo.decompress(bytes, room, RGBA);
    return Transformer.fromRgbaPixels(data, width, height);
  } finally {
    spare.push(room);
  }
}

/** With a fourth channel, which every resize adds: also grey has four then. */
function scaled(picture: Transformer, { width, height }: JpegHeader, side: number, kernel: Kernel): Transformer {
  const scale = side / Math.min(width, height);
  const [wide, high] = [Math.round(width * scale), Math.round(height * scale)];
  const sized = picture.fastResize(resizing(wide, high, kernel));
  if (wide === high) return sized;
  const middle = (length: number) => (length - side + 1) >> 1;
  return sized.crop(middle(wide), middle(high), side, side);
}

function hasManyScans(bytes: Buffer): boolean {
  let at = bytes.indexOf(SCAN);
  for (let scans = 0; at >= 0; at = bytes.indexOf(SCAN, at + 2)) if (++scans > MOST_SCANS) return true;
  return false;
}

/** With the marker at its end (T.81: EOI): zune-jpeg would fill up with grey what is cut short. */
function isWhole(image: Uint8Array): boolean {
  return image.at(-2) === 0xff && image.at(-1) === 0xd9;
}
