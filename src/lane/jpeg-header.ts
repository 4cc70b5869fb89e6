/** What the header of a JPEG says, without decoding a pixel. */

import type { PixelSize } from './messages.js';

/** Its size is before any orientation is applied. */
export interface JpegHeader extends PixelSize {
  /** Its pixels are what they seem: grey or three components of 8 bits, upright, in sRGB or, with a profile, in another RGB. */
  readonly plain: boolean;
  /** ICC, of an RGB colour space that is not sRGB. */
  readonly profile?: Uint8Array;
}

/** Marker codes (ITU-T T.81, table B.1). */
const SOF_BASELINE = 0xc0;
const SOF_PROGRESSIVE = 0xc2;
const EOI = 0xd9;
const SOS = 0xda;
/** The marker of a scan: within one, a zero stands behind each 0xff. */
const SCAN = Buffer.from([0xff, SOS]);
const [APP1, APP2, APP14] = [0xe1, 0xe2, 0xee];
/** Huffman and quantisation tables, restart interval, comment, JFIF, Photoshop's notes: nothing that changes the meaning of the pixels. */
const HARMLESS = [0xc4, 0xdb, 0xdd, 0xfe, 0xe0, 0xed];

/** Those that a segment with its length follows; others may stand anywhere, and decoders go on right behind them. */
const hasLength = (marker: number) => marker >= SOF_BASELINE && marker < 0xff && (marker < 0xd0 || marker > EOI);

/** Each scan goes through the whole picture, and a megabyte has room for fifty thousand. */
export function hasMoreScans(image: Uint8Array, most: number): boolean {
  const bytes = Buffer.from(image.buffer, image.byteOffset, image.length);
  let seen = 0;
  for (let at = bytes.indexOf(SCAN); at >= 0 && seen <= most; at = bytes.indexOf(SCAN, at + 2)) seen++;
  // They may also stand in a comment, or in the video that a phone appends: only then a walk is worth its time.
  return seen > most && scansOf(bytes) > most;
}

/** Up to the end of the picture, as libjpeg finds them: it skips what lies between a scan and the next marker. */
function scansOf(bytes: Buffer): number {
  let scans = 0;
  for (let at = 2; at + 3 < bytes.length; at++) {
    if (bytes[at] !== 0xff) continue;
    const marker = bytes[at + 1]!;
    if (marker === EOI) break;
    if (!hasLength(marker)) continue;
    if (marker === SOS) scans++;
    at += 1 + Math.max(2, bytes.readUInt16BE(at + 2));
  }
  return scans;
}

/** Walks the markers up to the first scan; undefined when the bytes are no JPEG of the usual kinds. */
export function jpegHeader(bytes: Uint8Array): JpegHeader | undefined {
  if (bytes[0] !== 0xff || bytes[1] !== 0xd8) return undefined;
  const word = (at: number) => (bytes[at]! << 8) | bytes[at + 1]!;
  let size: PixelSize | undefined;
  let profile: Uint8Array | undefined;
  let components = 0;
  let plain = true;
  for (let at = 2; at + 9 < bytes.length && bytes[at] === 0xff; at += 2 + word(at + 2)) {
    // Any number of fill bytes may stand before a marker.
    while (bytes[at + 1] === 0xff) at++;
    const marker = bytes[at + 1]!;
    // This walk would go on elsewhere than a decoder, and could find another header than it.
    if (!hasLength(marker)) return undefined;
    if (marker === SOS) {
      if (size === undefined) return undefined;
      plain &&= components === 3 || (components === 1 && profile === undefined);
      return { ...size, plain, ...(profile === undefined ? {} : { profile }) };
    }
    const payload = bytes.subarray(at + 4, at + 2 + word(at + 2));
    if (marker === SOF_BASELINE || marker === SOF_PROGRESSIVE) {
      size = { width: word(at + 7), height: word(at + 5) };
      components = bytes[at + 9]!;
      plain &&= bytes[at + 4] === 8;
    } else if (marker === APP2 && startsWith(payload, 'ICC_PROFILE\0') && !isSrgb(payload.subarray(14))) {
      profile = payload.subarray(14);
      plain &&= isWholeRgb(payload);
    } else if (!HARMLESS.includes(marker)) plain &&= isHarmless(marker, payload);
  }
  return undefined;
}

const startsWith = (payload: Uint8Array, text: string) =>
  payload.length >= text.length && [...text].every((letter, at) => payload[at] === letter.charCodeAt(0));

function isHarmless(marker: number, payload: Uint8Array): boolean {
  // Besides EXIF, APP1 holds XMP: text.
  if (marker === APP1) return !startsWith(payload, 'Exif\0\0') || orientationOf(payload.subarray(6)) === 1;
  // sRGB, or something else of its kind.
  if (marker === APP2) return true;
  // Adobe's: the last byte is the colour transform, 1 for YCbCr.
  return marker === APP14 && startsWith(payload, 'Adobe') && payload[11] === 1;
}

/** The first segment of one (ICC.1, annex B.4), of the colour space `RGB `. */
function isWholeRgb(payload: Uint8Array): boolean {
  return (
    payload[12] === 1 && payload[13] === 1 && payload.length > 14 + 132 && startsWith(payload.subarray(14 + 16), 'RGB ')
  );
}

/** EXIF's tag 274; 1, upright, where there is none; undefined where the bytes cannot be read. @param tiff the payload after `Exif` */
function orientationOf(tiff: Uint8Array): number | undefined {
  if (tiff.length < 14) return undefined;
  const view = new DataView(tiff.buffer, tiff.byteOffset, tiff.length);
  const little = view.getUint16(0) === 0x4949;
  const directory = view.getUint32(4, little);
  if (directory + 2 > tiff.length) return undefined;
  const count = view.getUint16(directory, little);
  if (directory + 2 + 12 * count > tiff.length) return undefined;
  for (let i = 0, at = directory + 2; i < count; i++, at += 12) {
    if (view.getUint16(at, little) === 274) return view.getUint16(at + 8, little);
  }
  return 1;
}

/** By the profile's description (ICC.1, tag `desc`), in ASCII or UTF-16: converting it would change nothing that can be seen. */
function isSrgb(profile: Uint8Array): boolean {
  if (profile.length < 132) return false;
  const view = new DataView(profile.buffer, profile.byteOffset, profile.length);
  const tags = view.getUint32(128);
  for (let i = 0, at = 132; i < tags && at + 12 <= profile.length; i++, at += 12) {
    if (view.getUint32(at) !== 0x64657363) continue;
    const [from, length] = [view.getUint32(at + 4), view.getUint32(at + 8)];
    const letters = profile.subarray(from, from + length).filter((byte) => byte >= 0x20 && byte < 0x7f);
    return String.fromCharCode(...letters.subarray(0, 200)).includes('sRGB');
  }
  return false;
}
