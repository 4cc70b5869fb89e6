/** Which picture format bytes are, by their first bytes alone: neither the file's name nor the Content-Type is asked. */

export type Format = 'jpeg' | 'png' | 'webp' | 'avif' | 'gif' | 'tiff';

const ascii = (bytes: Uint8Array, from: number, to: number) => String.fromCharCode(...bytes.subarray(from, to));

/** Undefined for everything that is not one of the contract's formats (SVG and PDF among it). */
export function sniff(bytes: Uint8Array): Format | undefined {
  if (bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff) return 'jpeg';
  if (bytes[0] === 0x89 && ascii(bytes, 1, 8) === 'PNG\r\n\x1a\n') return 'png';
  if (ascii(bytes, 0, 4) === 'RIFF' && ascii(bytes, 8, 12) === 'WEBP') return 'webp';
  if (ascii(bytes, 0, 6) === 'GIF87a' || ascii(bytes, 0, 6) === 'GIF89a') return 'gif';
  if (ascii(bytes, 0, 4) === 'II*\0' || ascii(bytes, 0, 4) === 'MM\0*') return 'tiff';
  if (ascii(bytes, 4, 8) === 'ftyp') return isAvif(bytes) ? 'avif' : undefined;
  return undefined;
}

/** No file has more brands than fit into so many bytes; a box that says it is megabytes long is not searched. */
const BRANDS_END = 256;

/** The brands of the `ftyp` box: the major one, or any compatible one (HEIF files of other codecs are refused). */
function isAvif(bytes: Uint8Array): boolean {
  const size = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(0);
  const end = Math.min(bytes.length, size, BRANDS_END);
  // Bytes 12 to 15 are the version of the major brand.
  for (let at = 8; at + 4 <= end; at += at === 8 ? 8 : 4) {
    if (['avif', 'avis'].includes(ascii(bytes, at, at + 4))) return true;
  }
  return false;
}
