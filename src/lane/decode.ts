/** From encoded bytes to the pixels that a rung wants: the only place that decodes, and only inside a lane. */

import sharp from 'sharp';
import type { Kernel } from '../cascade/manifest.js';
import { RequestError } from '../errors.js';
import { hasMoreScans, type JpegHeader, jpegHeader } from './jpeg-header.js';
import { PlainJpeg } from './plain-jpeg.js';
import { canResample, type Raster, resample } from './resample.js';

// One picture a thread: the lanes are the parallelism. No cache: every picture is new.
sharp.concurrency(1);
sharp.cache(false);
// Everything is blocked, then the contract's formats are let in: no SVG, PDF, or whatever a libvips build brings along.
sharp.block({ operation: ['VipsForeignLoad'] });
sharp.unblock({
  operation: ['Jpeg', 'Png', 'Webp', 'Heif', 'Nsgif', 'Tiff'].map((format) => `VipsForeignLoad${format}`),
});

/** A picture that takes longer is refused. */
const DECODE_SECONDS = 10;
/**
 * Scans of a JPEG times its pixels: libvips does not look at the clock between scans, and 700 million take a second. Encoders write 12 scans at the
 * most, whatever the size, or some more for small pictures.
 */
const MOST_SCANNED = 1.5e9;
/** Of formats that are decoded whole, whatever side is wanted: an AVIF of 49 million pixels has room in a kilobyte, and takes 4 s and 900 MB. */
const MOST_WHOLE_PIXELS = 16_000_000;

export interface DecodeLimits {
  readonly kernel: Kernel;
  /** Width x height of the largest source. */
  readonly maxPixels: number;
}

export interface DecodeTarget extends DecodeLimits {
  /** Side of the square, pixels. */
  readonly resolution: number;
}

/** An encoded picture, of which several sides may be wanted, one at a time; to be freed after the last. */
export class Encoded {
  readonly #image: Uint8Array;
  readonly #limits: DecodeLimits;
  /** Undefined of other formats, and of JPEGs that are not of the usual kinds. */
  readonly #jpeg: JpegHeader | undefined;
  readonly #plain: PlainJpeg | undefined;

  constructor(image: Uint8Array, limits: DecodeLimits) {
    this.#image = image;
    this.#limits = limits;
    this.#jpeg = jpegHeader(image);
    const mayBePlain = this.#jpeg !== undefined && canResample(limits.kernel);
    this.#plain = mayBePlain ? PlainJpeg.of(image, this.#jpeg, limits.maxPixels) : undefined;
  }

  /** Whether a second side costs no second decode, or next to nothing. */
  get isDecodedOnce(): boolean {
    return this.#plain !== undefined;
  }

  /**
   * `[side, side, 3]` uint8, RGB: EXIF orientation applied, first frame, 8 bits, transparency on white, short side resized and the centre
   * cropped. libvips decodes, and shrinks JPEG and WebP while it loads them; plain JPEGs up to the size of a web picture and all enlarging
   * are done without it.
   * @throws RequestError too_many_pixels (from the header, before any pixel) or damaged_image
   */
  async pixels(side: number): Promise<Uint8Array> {
    const plain = await this.#plain?.pixels(side, this.#limits.kernel);
    return plain ?? decodedByLibvips(this.#image, this.#jpeg, { ...this.#limits, resolution: side });
  }

  free(): void {
    this.#plain?.free();
  }
}

/** One side of it, as {@link Encoded.pixels}. */
export async function decode(image: Uint8Array, target: DecodeTarget): Promise<Uint8Array> {
  const encoded = new Encoded(image, target);
  try {
    return await encoded.pixels(target.resolution);
  } finally {
    encoded.free();
  }
}

async function decodedByLibvips(
  image: Uint8Array,
  jpeg: JpegHeader | undefined,
  target: DecodeTarget,
): Promise<Uint8Array> {
  const { resolution: side, kernel } = target;
  const ours = canResample(kernel);
  const maxPixels = isDecodedWhole(image) ? Math.min(target.maxPixels, MOST_WHOLE_PIXELS) : target.maxPixels;
  checkScans(image, jpeg, maxPixels);
  const { data, info } = await sharp(image, {
    limitInputPixels: maxPixels,
    failOn: 'warning',
    sequentialRead: true,
  })
    .autoOrient()
    .resize(side, side, { fit: 'cover', position: 'centre', kernel, withoutEnlargement: ours })
    .flatten({ background: '#ffffff' })
    .toColourspace('srgb')
    .raw({ depth: 'uchar' })
    .timeout({ seconds: DECODE_SECONDS })
    .toBuffer({ resolveWithObject: true })
    .catch((error: Error) => refuse(image, maxPixels, error));
  if (info.channels !== 3)
    throw new RequestError('damaged_image', `the picture decodes to ${info.channels} channels, not RGB`);
  const { width, height } = info;
  if (width !== side || height !== side) return resample({ width, height, data }, side, kernel);
  return new Uint8Array(data.buffer, data.byteOffset, data.length);
}

/** AVIF, GIF, and PNG that is interlaced. */
function isDecodedWhole(image: Uint8Array): boolean {
  const start = Buffer.from(image.buffer, image.byteOffset, Math.min(image.length, 8)).toString('latin1');
  return start.startsWith('GIF8') || start.endsWith('ftyp') || (start.startsWith('\x89PNG') && image[28] === 1);
}

function checkScans(image: Uint8Array, jpeg: JpegHeader | undefined, maxPixels: number): void {
  if (image[0] !== 0xff || image[1] !== 0xd8) return;
  const { width, height } = jpeg ?? { width: maxPixels, height: 1 };
  const most = Math.floor(MOST_SCANNED / Math.max(1, Math.min(width * height, maxPixels)));
  if (hasMoreScans(image, most))
    throw new RequestError('damaged_image', `the picture has more than ${most} scans: it takes too long to decode`);
}

/**
 * Pixels that came decoded, made into what {@link decode} makes of a PNG that holds them: the same bytes, without its decoder.
 */
export async function fit({ width, height, data }: Raster, target: DecodeTarget): Promise<Uint8Array> {
  const { resolution: side, kernel } = target;
  if (width === side && height === side) return new Uint8Array(data.buffer, data.byteOffset, data.length);
  const ours = canResample(kernel);
  const raw = { width, height, channels: 3 } as const;
  const { data: made, info } = await sharp(data, { raw, limitInputPixels: target.maxPixels })
    .resize(side, side, { fit: 'cover', position: 'centre', kernel, withoutEnlargement: ours })
    .raw({ depth: 'uchar' })
    .timeout({ seconds: DECODE_SECONDS })
    .toBuffer({ resolveWithObject: true });
  if (info.width !== side || info.height !== side)
    return resample({ width: info.width, height: info.height, data: made }, side, kernel);
  return new Uint8Array(made.buffer, made.byteOffset, made.length);
}

/** Pixels that were decoded, `[side, side, 3]` uint8 RGB. */
export interface Pixels {
  readonly side: number;
  readonly data: Uint8Array;
}

/** Decoded pixels made smaller, with the kernel with which they would have been decoded smaller. */
export async function shrink(pixels: Pixels, side: number, kernel: Kernel): Promise<Uint8Array> {
  const size = { width: pixels.side, height: pixels.side };
  if (canResample(kernel)) return resample({ ...size, data: pixels.data }, side, kernel);
  const { data } = await sharp(pixels.data, { raw: { ...size, channels: 3 } })
    .resize(side, side, { fit: 'fill', kernel })
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true });
  return new Uint8Array(data.buffer, data.byteOffset, data.length);
}

/** Why a picture does not decode. Asked only then: reading the header of each picture beforehand costs a third of its decode. */
async function refuse(image: Uint8Array, maxPixels: number, { message }: Error): Promise<never> {
  const { width, height } = await sharp(image, { limitInputPixels: false })
    .metadata()
    .catch(() => {
      throw new RequestError('damaged_image', 'the header of the picture cannot be read');
    });
  if (width * height > maxPixels) {
    const detail = `the picture has ${width} x ${height} pixels; at most ${maxPixels} are decoded`;
    throw new RequestError('too_many_pixels', detail);
  }
  if (message.startsWith('timeout')) {
    throw new RequestError('damaged_image', `the picture takes longer than ${DECODE_SECONDS} seconds to decode`);
  }
  throw new RequestError('damaged_image', 'the picture is damaged or incomplete: it cannot be decoded');
}
