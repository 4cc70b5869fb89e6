/**
 * Plain JPEGs up to the size of a web picture, decoded and resized without libvips, whose threads and pipeline cost 2 ms however small the
 * picture is. Larger ones are left to it: it shrinks while it decodes.
 *
 * libjpeg-turbo is the fastest decoder, but its binding asks for its fast transform, whose error is seen where pictures are enlarged (0.26 points
 * of top-1 of photo200 on pictures of 64 px): small ones are decoded by zune-jpeg.
 */

import turbo from '@julusian/jpeg-turbo';
import { Transformer } from '@napi-rs/image';
import type { Kernel } from '../cascade/manifest.js';
import { convert, gridOf } from './colour.js';
import { hasMoreScans, type JpegHeader } from './jpeg-header.js';
import type { PixelSize } from './messages.js';
import { resizing, withoutAlpha } from './resample.js';
import { Rooms } from './rooms.js';

/** Width x height above which what follows is dearer than libvips (measured at 800 x 600). */
const MOST_PIXELS = 500_000;
/** Decoded in this thread up to here, which takes 0.3 ms: a thread of its own costs a third of that. */
export const LARGEST_SIDE = 192;
/** Resized as a whole before the centre is taken: of a strip that would be in vain. */
const LONGEST = 3;
/** More are left to libvips, which is given up after some seconds. */
const MOST_SCANS = 100;
const RGBA = { format: turbo.FORMAT_RGBA };
/** What is written to it is of no use. */
const LOOKED_AT = Buffer.allocUnsafeSlow(LARGEST_SIDE ** 2 * 4);

/** Where pictures are decoded to, and stay until their last side is made; where too many do, some are decoded again. */
export const rooms = new Rooms({ kept: 12_000_000, spare: 4_000_000 });

interface Decoded extends PixelSize {
  readonly room: Buffer;
  readonly rgba: Buffer;
}

/** One that is decoded once for all its sides, or where it is small again for each, which costs next to nothing; to be freed after the last. */
export class PlainJpeg {
  readonly #bytes: Buffer;
  readonly #header: JpegHeader;
  #decoded: Decoded | undefined;
  #isFreed = false;

  /** Undefined when the picture is not such a JPEG: then it is one for the general decoder. @param maxPixels of width x height */
  static of(image: Uint8Array, header: JpegHeader, maxPixels: number): PlainJpeg | undefined {
    if (!header.plain || !isWhole(image)) return undefined;
    const { width, height } = header;
    const [short, long] = [Math.min(width, height), Math.max(width, height)];
    if (width * height > Math.min(MOST_PIXELS, maxPixels) || long > short * LONGEST) return undefined;
    const bytes = Buffer.from(image.buffer, image.byteOffset, image.length);
    return hasMoreScans(bytes, MOST_SCANS) ? undefined : new PlainJpeg(bytes, header);
  }

  private constructor(bytes: Buffer, header: JpegHeader) {
    this.#bytes = bytes;
    this.#header = header;
  }

  /**
   * `[side, side, 3]` uint8: the short side resized, then the centre of the long one, as libvips does it. One side at a time.
   * @param kernel one of `canResample`
   * @returns undefined when the picture is not flawless: then the general decoder must look at it
   */
  async pixels(side: number, kernel: Kernel): Promise<Uint8Array | undefined> {
    const { width, height, profile } = this.#header;
    try {
      const grid = profile === undefined ? undefined : await gridOf(profile);
      const isSmall = Math.max(width, height) <= LARGEST_SIDE;
      const picture = isSmall ? small(this.#bytes) : await this.#whole();
      // In this thread: a thread of its own costs 0.4 to 1.2 ms more, for 0.6, and the lane would be waited for twice.
      const rgb = withoutAlpha(scaled(picture, this.#header, side, kernel).rawPixelsSync());
      if (rgb.length !== side * side * 3) return undefined;
      if (grid !== undefined) convert(rgb, grid);
      return rgb;
    } catch {
      return undefined;
    }
  }

  /** A decode that is on its way ends first. */
  free(): void {
    this.#isFreed = true;
    if (this.#decoded !== undefined) rooms.give(this.#decoded.room);
    this.#decoded = undefined;
  }

  async #whole(): Promise<Transformer> {
    const decoded = this.#decoded ?? (await decodedByTurbo(this.#bytes, this.#header));
    try {
      return Transformer.fromRgbaPixels(decoded.rgba, decoded.width, decoded.height);
    } finally {
      if (this.#isFreed || rooms.areScarce) {
        this.#decoded = undefined;
        rooms.give(decoded.room);
      } else this.#decoded = decoded;
    }
  }
}

/** @throws Error also where the decoder only warns, of what is damaged within: libvips then has the last word */
async function decodedByTurbo(bytes: Buffer, { width, height }: PixelSize): Promise<Decoded> {
  const room = rooms.take(width * height * 4);
  try {
    const { data } = await turbo.decompress(bytes, room, RGBA);
    return { room, rgba: data, width, height };
  } catch (error) {
    rooms.give(room);
    throw error;
  }
}

/**
 * Where a piece of the middle is missing zune-jpeg fills up with grey and says nothing: the other decoder looks first, which takes a tenth of a millisecond.
 * @throws Error then
 */
function small(bytes: Buffer): Transformer {
  turbo.decompressSync(bytes, LOOKED_AT, RGBA);
  return new Transformer(bytes);
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

/** With the marker at its end (T.81: EOI): zune-jpeg would fill up with grey what is cut short. */
function isWhole(image: Uint8Array): boolean {
  return image.at(-2) === 0xff && image.at(-1) === 0xd9;
}
