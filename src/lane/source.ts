/** What the header of an encoded picture says, without decoding a pixel. */

import sharp from 'sharp';

/** A picture as it came. */
export interface Source {
  /** Pixels, before any orientation is applied. */
  readonly width: number;
  readonly height: number;
}

/** What a JPEG's header says. */
export interface JpegHeader extends Source {
  /** Three components of 8 bits, and no orientation, colour profile or colour transform in it. */
  readonly plain: boolean;
}

/** Marker codes (ITU-T T.81, table B.1). */
const SOF_BASELINE = 0xc0;
const SOF_PROGRESSIVE = 0xc2;
const SOS = 0xda;
/** Huffman and quantisation tables, restart interval, comment, JFIF: nothing that changes the meaning of the pixels. */
const HARMLESS = [0xc4, 0xdb, 0xdd, 0xfe, 0xe0];

/** Walks the markers up to the first scan; undefined when the bytes are no JPEG of the usual kinds. */
export function jpegHeader(bytes: Uint8Array): JpegHeader | undefined {
  if (bytes[0] !== 0xff || bytes[1] !== 0xd8) return undefined;
  const word = (at: number) => (bytes[at]! << 8) | bytes[at + 1]!;
  let size: Source | undefined;
  let plain = true;
  for (let at = 2; at + 9 < bytes.length && bytes[at] === 0xff; at += 2 + word(at + 2)) {
    // Any number of fill bytes may stand before a marker.
    while (bytes[at + 1] === 0xff) at++;
    const marker = bytes[at + 1]!;
    if (marker === SOS) return size === undefined ? undefined : { ...size, plain };
    if (marker === SOF_BASELINE || marker === SOF_PROGRESSIVE) {
      size = { width: word(at + 7), height: word(at + 5) };
      plain &&= bytes[at + 4] === 8 && bytes[at + 9] === 3;
    } else if (!HARMLESS.includes(marker)) plain = false;
  }
  return undefined;
}

/** Undefined when the header cannot be read: the decoder will say why. */
export async function sourceOf(image: Uint8Array): Promise<Source | undefined> {
  const jpeg = jpegHeader(image);
  if (jpeg !== undefined) return jpeg;
  return sharp(image, { limitInputPixels: false })
    .metadata()
    .catch(() => undefined);
}
