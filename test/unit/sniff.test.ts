import { describe, expect, it } from 'vitest';
import { sniff } from '../../src/http/sniff.js';
import { animation, cmykJpeg, drawn, FORMATS, png16, scene } from '../support/pictures.js';

const latin1 = (text: string) => Buffer.from(text, 'latin1');
/** An ISO media file: its `ftyp` box with a major brand, a version and compatible brands. */
function media(brands: readonly string[], { version = 0, size = 12 + 4 * brands.length, before = 0 } = {}): Buffer {
  const [major, ...compatible] = brands;
  const box = Buffer.alloc(16 + before);
  box.writeUInt32BE(size + before);
  box.write(`ftyp${major}`, 4, 'latin1');
  box.writeUInt32BE(version, 12);
  return Buffer.concat([box, latin1(compatible.join('')), Buffer.alloc(64)]);
}

describe('sniff', () => {
  it.each(Object.entries(FORMATS))('knows a %s', async (format, draw) => {
    expect(sniff(await draw(20, 20))).toBe(format);
  });

  it('knows the rarer kinds of a format', async () => {
    expect(sniff(await cmykJpeg(20, 20))).toBe('jpeg');
    expect(sniff(await png16(scene(8, 8), 8, 8, 3))).toBe('png');
    expect(sniff(await drawn(20, 20).webp({ lossless: true }).toBuffer())).toBe('webp');
    expect(sniff(await animation('webp', ['red', 'blue']))).toBe('webp');
    expect(sniff(await drawn(20, 20).tiff({ bigtiff: false, compression: 'jpeg' }).toBuffer())).toBe('tiff');
    expect(sniff(latin1('MM\0*\0\0\0\x08'))).toBe('tiff');
    expect(sniff(latin1('GIF87a'))).toBe('gif');
  });

  it.each([
    ['nothing', ''],
    ['one byte', '\xff'],
    ['two bytes of a JPEG', '\xff\xd8'],
    ['text', 'just words'],
    ['SVG', '<svg xmlns="http://www.w3.org/2000/svg"/>'],
    ['SVG with an XML header', '<?xml version="1.0"?><svg/>'],
    ['PDF', '%PDF-1.7'],
    ['BMP', 'BM6\0\0\0'],
    ['an icon', '\0\0\x01\0'],
    ['JPEG XL', '\xff\x0a'],
    ['another kind of RIFF', 'RIFF\x04\0\0\0WAVE'],
    ['another version of GIF', 'GIF90a'],
    ['half the signature of a PNG', '\x89PNG'],
    ['a PNG broken by a text transfer', '\x89PNG\n\x1a\n'],
    ['a JPEG behind white space', ' \xff\xd8\xff'],
    ['a JPEG behind HTML', '<html>\xff\xd8\xff'],
  ])('does not know %s', (_, bytes) => {
    expect(sniff(latin1(bytes))).toBeUndefined();
  });

  it('takes AVIF by its major or any compatible brand, and no other ISO media', () => {
    expect(sniff(media(['avif', 'mif1']))).toBe('avif');
    expect(sniff(media(['mif1', 'heic', 'avif']))).toBe('avif');
    expect(sniff(media(['avis']))).toBe('avif');
    expect(sniff(media(['heic', 'mif1']))).toBeUndefined();
    expect(sniff(media(['isom', 'mp42']))).toBeUndefined();
  });

  it('looks for the brand inside of the box only', () => {
    expect(sniff(media(['heic', 'avif'], { size: 16 }))).toBeUndefined();
    expect(sniff(latin1('\xff\xff\xff\xffftyp'))).toBeUndefined();
    expect(sniff(latin1('\0\0\0\x18ftypav'))).toBeUndefined();
  });

  it('does not take the version of the box for a brand', () => {
    expect(sniff(media(['heic', 'mif1'], { version: latin1('avif').readUInt32BE() }))).toBeUndefined();
  });

  it('does not read megabytes in search of a brand', () => {
    expect(sniff(media(['heic', 'avif'], { before: 1_000_000 }))).toBeUndefined();
  });

  it('works on bytes in the middle of a buffer', async () => {
    const image = await FORMATS.avif(20, 20);
    const around = Buffer.concat([Buffer.alloc(7), image, Buffer.alloc(7)]);
    expect(sniff(around.subarray(7, 7 + image.length))).toBe('avif');
  });
});
