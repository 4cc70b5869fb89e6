/**
 * Pictures drawn by script, in every format of the contract: the repository holds no photograph of somebody else's. Drawn as
 * pixels, not as SVG: a process that has loaded the gateway's decoder refuses SVG, these tests included.
 */

import { crc32 } from 'node:zlib';
import sharp, { type Sharp } from 'sharp';

type Rgb = readonly [number, number, number];

/** A colour of the wheel, hue in degrees. */
function colour(hue: number, lightness: number): Rgb {
  const channel = (shift: number) => 127 + 127 * Math.cos(((hue - shift) * Math.PI) / 180);
  return [0, 120, 240].map((shift) => Math.round(channel(shift) * lightness)) as unknown as Rgb;
}

/** A sky, a ground, a disc and a block: colourful, not symmetric, compressible. [height, width, 3] uint8. */
export function scene(width: number, height: number, hue = 30): Buffer {
  const [sky, ground, disc, block] = [
    colour(hue + 180, 0.9),
    colour(hue + 90, 0.4),
    colour(hue, 1),
    colour(hue + 40, 0.3),
  ];
  const pixels = Buffer.alloc(width * height * 3);
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const [x, y] = [(100 * column) / width, (100 * row) / height];
      const inDisc = (x - 32) ** 2 + (y - 45) ** 2 < 400;
      const inBlock = x > 60 && x < 85 && y > 30 && y < 75;
      pixels.set(inBlock ? block : inDisc ? disc : y < 60 ? sky : ground, 3 * (row * width + column));
    }
  }
  return pixels;
}

export function drawn(width: number, height: number, hue?: number): Sharp {
  return sharp(scene(width, height, hue), { raw: { width, height, channels: 3 } });
}

export function jpeg(width = 32, height = 32, hue?: number): Promise<Buffer> {
  return drawn(width, height, hue).jpeg({ quality: 92 }).toBuffer();
}

/** The scene in each format of the contract. */
export const FORMATS = {
  jpeg: (width, height) => jpeg(width, height),
  png: (width, height) => drawn(width, height).png().toBuffer(),
  webp: (width, height) => drawn(width, height).webp({ quality: 90 }).toBuffer(),
  avif: (width, height) => drawn(width, height).avif({ quality: 80, effort: 0 }).toBuffer(),
  gif: (width, height) => drawn(width, height).gif().toBuffer(),
  tiff: (width, height) => drawn(width, height).tiff({ compression: 'lzw' }).toBuffer(),
} satisfies Record<string, (width: number, height: number) => Promise<Buffer>>;

/** For each EXIF orientation, where the upright pixel (x, y) lies in the stored picture: [column, row]. */
const STORED: Record<number, (x: number, y: number, width: number, height: number) => [number, number]> = {
  1: (x, y) => [x, y],
  2: (x, y, width) => [width - 1 - x, y],
  3: (x, y, width, height) => [width - 1 - x, height - 1 - y],
  4: (x, y, _, height) => [x, height - 1 - y],
  5: (x, y) => [y, x],
  6: (x, y, width) => [y, width - 1 - x],
  7: (x, y, width, height) => [height - 1 - y, width - 1 - x],
  8: (x, y, _, height) => [height - 1 - y, x],
};

/** The scene stored turned or mirrored, with the EXIF orientation (1 to 8) that makes it upright again: lossless WebP. */
export function oriented(orientation: number, width: number, height: number): Promise<Buffer> {
  const upright = scene(width, height);
  const [storedWidth, storedHeight] = orientation < 5 ? [width, height] : [height, width];
  const stored = Buffer.alloc(upright.length);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [column, row] = STORED[orientation]!(x, y, width, height);
      const from = 3 * (y * width + x);
      stored.set(upright.subarray(from, from + 3), 3 * (row * storedWidth + column));
    }
  }
  return sharp(stored, { raw: { width: storedWidth, height: storedHeight, channels: 3 } })
    .withMetadata({ orientation })
    .webp({ lossless: true })
    .toBuffer();
}

/** The scene in CMYK, with Adobe's marker. */
export function cmykJpeg(width: number, height: number): Promise<Buffer> {
  return drawn(width, height).toColourspace('cmyk').jpeg({ quality: 95 }).toBuffer();
}

/** Pixel values 0..255 as a PNG of 16 bits a channel: each is stored 257 times as large. */
export function png16(pixels: Uint8Array, width: number, height: number, channels: 1 | 2 | 3 | 4): Promise<Buffer> {
  return sharp(
    Uint16Array.from(pixels, (value) => value * 257),
    { raw: { width, height, channels } },
  )
    .toColourspace(channels < 3 ? 'grey16' : 'rgb16')
    .png()
    .toBuffer();
}

/** A PNG whose header, checksum included, claims a size that its few bytes of pixels do not have. */
export async function claimingPng(width: number, height: number): Promise<Buffer> {
  const png = await FORMATS.png(8, 8);
  png.writeUInt32BE(width, 16);
  png.writeUInt32BE(height, 20);
  png.writeUInt32BE(crc32(png.subarray(12, 29)), 29);
  return png;
}

/** Frames of one colour each. */
export async function animation(format: 'gif' | 'webp', colours: readonly string[], side = 32): Promise<Buffer> {
  const frame = (background: string) =>
    sharp({ create: { width: side, height: side, channels: 3, background } })
      .png()
      .toBuffer();
  const joined = sharp(await Promise.all(colours.map(frame)), { join: { animated: true } });
  return (format === 'gif' ? joined.gif() : joined.webp({ lossless: true })).toBuffer();
}

/** As large as is decoded, and in many scans: one is in a lane for about half a second. */
export function slowJpeg(): Promise<Buffer> {
  return drawn(7000, 7000).jpeg({ progressive: true, quality: 95, chromaSubsampling: '4:4:4' }).toBuffer();
}
