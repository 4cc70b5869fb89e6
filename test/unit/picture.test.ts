import turbo from '@julusian/jpeg-turbo';
import sharp from 'sharp';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { contentOf } from '../../src/lane/content.js';
import { decode } from '../../src/lane/decode.js';
import type { DecodeCosts } from '../../src/lane/decode-side.js';
import { jpegHeader } from '../../src/lane/jpeg-header.js';
import { Picture } from '../../src/lane/picture.js';
import { rooms } from '../../src/lane/plain-jpeg.js';
import { sourceOf } from '../../src/lane/source.js';
import { drawn, FORMATS, jpeg } from '../support/pictures.js';

const limits = { kernel: 'cubic', maxPixels: 1_000_000 } as const;
const whole = (image: Uint8Array, resolution: number) => decode(image, { ...limits, resolution });
const visits = [
  { side: 64, reach: 1 },
  { side: 160, reach: 0.5 },
];
const flat = (ms64: number, ms160: number): DecodeCosts => ({
  sources: [1],
  ms: { 64: [ms64], 160: [ms160] },
  shrinkMs: 0.1,
});
const again = flat(1, 100);
const once = flat(10, 11);

const isSame = (a: Uint8Array, b: Uint8Array) => Buffer.compare(a, b) === 0;

function meanDifference(a: Uint8Array, b: Uint8Array): number {
  return a.reduce((sum, value, i) => sum + Math.abs(value - b[i]!), 0) / a.length;
}

afterEach(() => {
  vi.restoreAllMocks();
});

describe('the pixels of a picture', () => {
  it('of a plain JPEG are those of each size, from one decode that stays until it is freed', async () => {
    const images = await Promise.all(Array.from({ length: 4 }, (_, i) => jpeg(640, 480, 11 * i)));
    const decodes = vi.spyOn(turbo, 'decompress');
    const pictures = images.map((image) => new Picture(image, limits));
    const small = await Promise.all(pictures.map((picture, i) => picture.pixels(visits, i < 2 ? again : once)));
    expect(pictures[0]!.ready(160)).toBeUndefined();
    expect(rooms.takenBytes).toBeGreaterThanOrEqual(4 * 640 * 480 * 4);
    for (const picture of pictures.slice(2)) picture.free();
    const large = await Promise.all(pictures.slice(0, 2).map((picture) => picture.pixels(visits.slice(1), again)));
    expect(decodes).toHaveBeenCalledTimes(4);
    expect(rooms.takenBytes).toBe(0);
    for (const [i, image] of images.entries()) expect(isSame(small[i]!, await whole(image, 64))).toBe(true);
    for (const [i, pixels] of large.entries()) expect(isSame(pixels, await whole(images[i]!, 160))).toBe(true);
  });

  it('are right where more pictures wait than there is room for: some are decoded again', async () => {
    const images = await Promise.all(Array.from({ length: 24 }, (_, i) => jpeg(640, 480, 11 * i)));
    const decodes = vi.spyOn(turbo, 'decompress');
    const pictures = images.map((image) => new Picture(image, limits));
    await Promise.all(pictures.map((picture) => picture.pixels(visits, again)));
    const large = await Promise.all(pictures.map((picture) => picture.pixels(visits.slice(1), again)));
    expect(decodes.mock.calls.length).toBeGreaterThan(24);
    expect(decodes.mock.calls.length).toBeLessThan(48);
    expect(rooms.takenBytes).toBe(0);
    for (const [i, image] of images.entries()) expect(isSame(large[i]!, await whole(image, 160))).toBe(true);
  });

  it('are right where a picture is freed while it is decoded: its room goes to another only then', async () => {
    const images = await Promise.all(Array.from({ length: 6 }, (_, i) => jpeg(640, 480, 11 * i)));
    const decodes = vi.spyOn(turbo, 'decompress');
    const pictures = images.map((image) => new Picture(image, limits));
    const work = pictures.map((picture) => picture.pixels(visits, again));
    while (decodes.mock.calls.length < images.length) await Promise.resolve();
    for (const picture of pictures) picture.free();
    const others = await Promise.all(images.map((image) => whole(image, 96)));
    for (const [i, image] of images.entries()) {
      expect(isSame((await work[i])!, await whole(image, 64))).toBe(true);
      expect(isSame(others[i]!, await whole(image, 96))).toBe(true);
    }
    expect(rooms.takenBytes).toBe(0);
  });

  it('are decoded small and again where that is cheaper: the very pixels of each size', async () => {
    const image = await drawn(640, 480).png().toBuffer();
    const picture = new Picture(image, limits);
    expect(await picture.pixels(visits, again)).toEqual(await whole(image, 64));
    expect(picture.ready(160)).toBeUndefined();
    expect(await picture.pixels(visits.slice(1), again)).toEqual(await whole(image, 160));
  });

  it('are decoded large at once and shrunk where that is cheaper: nearly the same pixels, and the large ones are there', async () => {
    const image = await drawn(640, 480).png().toBuffer();
    const picture = new Picture(image, limits);
    const small = await picture.pixels(visits, once);
    expect(small).toHaveLength(64 * 64 * 3);
    expect(meanDifference(small, await whole(image, 64))).toBeLessThan(2);
    expect(picture.ready(160)).toEqual(await whole(image, 160));
  });

  it('refuse a damaged picture as the decoder does, also when its header cannot be read', async () => {
    const image = Buffer.from('no picture at all');
    await expect(new Picture(image, limits).pixels(visits, once)).rejects.toMatchObject({
      code: 'damaged_image',
    });
  });

  it('show their content after a decode', async () => {
    const image = await jpeg(640, 480);
    const picture = new Picture(image, limits);
    await picture.pixels(visits, again);
    expect((await picture.content())[0]).toBeCloseTo(Math.log2(640 * 480), 12);
  });
});

describe('the header of a picture', () => {
  it.each(Object.entries(FORMATS))('says its size: %s', async (_, encoded) => {
    expect(await sourceOf(await encoded(90, 60))).toMatchObject({ width: 90, height: 60 });
  });

  /** A segment after SOI. */
  const inserted = (image: Buffer, segment: readonly number[]) =>
    Buffer.concat([image.subarray(0, 2), Buffer.from(segment), image.subarray(2)]);

  it('is not fooled by the header of a thumbnail in a segment of its own', async () => {
    const thumbnail = (await jpeg(16, 16)).subarray(0, 200);
    const image = inserted(await jpeg(90, 60), [0xff, 0xe1, 0, thumbnail.length + 2, ...thumbnail]);
    expect(jpegHeader(image)).toEqual({ width: 90, height: 60, plain: true });
  });

  it.each([
    ['grey', true, () => drawn(9, 9).toColourspace('b-w').jpeg()],
    ['CMYK', false, () => drawn(9, 9).toColourspace('cmyk').jpeg()],
    ['EXIF that says upright', true, () => drawn(9, 9).jpeg().withMetadata({ orientation: 1 })],
    ['EXIF that says turned', false, () => drawn(9, 9).jpeg().withMetadata({ orientation: 6 })],
    [
      'EXIF without an orientation',
      true,
      () =>
        drawn(9, 9)
          .jpeg()
          .withExif({ IFD0: { Copyright: 'nobody' } }),
    ],
    ['XMP', true, () => drawn(9, 9).jpeg().withXmp('<x:xmpmeta xmlns:x="adobe:ns:meta/"/>')],
    ['the profile of sRGB', true, () => drawn(9, 9).jpeg().withIccProfile('srgb')],
    ['the profile of another RGB space', true, () => drawn(9, 9).jpeg().withIccProfile('p3')],
    ['the profile of CMYK', false, () => drawn(9, 9).jpeg().withIccProfile('cmyk')],
  ] as const)('says whether its pixels are what they seem: %s', async (_, plain, made) => {
    expect(jpegHeader(await made().toBuffer())).toMatchObject({ width: 9, height: 9, plain });
  });

  it.each([
    ['YCbCr', 1, true],
    ['RGB', 0, false],
  ] as const)("heeds Adobe's marker: %s", async (_, transform, plain) => {
    const adobe = [0xff, 0xee, 0, 14, ...Buffer.from('Adobe'), 0, 100, 0, 0, 0, 0, transform];
    expect(jpegHeader(inserted(await jpeg(9, 9), adobe))?.plain).toBe(plain);
  });

  it('is not plain where EXIF or a profile is cut short', async () => {
    const exif = [0xff, 0xe1, 0, 18, ...Buffer.from('Exif\0\0II*\0'), 8, 0, 0, 0, 200, 0];
    const profile = [0xff, 0xe2, 0, 16, ...Buffer.from('ICC_PROFILE\0'), 1, 1];
    for (const segment of [exif, profile]) expect(jpegHeader(inserted(await jpeg(9, 9), segment))?.plain).toBe(false);
  });

  it('has the profile of another space than sRGB, whole', async () => {
    const image = await drawn(9, 9).jpeg().withIccProfile('p3').toBuffer();
    expect(Buffer.from(jpegHeader(image)!.profile!)).toEqual((await sharp(image).metadata()).icc);
    expect(jpegHeader(await drawn(9, 9).jpeg().withIccProfile('srgb').toBuffer())!.profile).toBeUndefined();
    // The first of two segments.
    const at = image.indexOf('ICC_PROFILE');
    image[at + 13] = 2;
    expect(jpegHeader(image)!.plain).toBe(false);
  });

  it('is not plain where grey has a profile', async () => {
    const p3 = jpegHeader(await drawn(9, 9).jpeg().withIccProfile('p3').toBuffer())!.profile!;
    const length = p3.length + 16;
    const segment = [0xff, 0xe2, length >> 8, length & 255, ...Buffer.from('ICC_PROFILE\0'), 1, 1, ...p3];
    const grey = await drawn(9, 9).toColourspace('b-w').jpeg().toBuffer();
    expect(jpegHeader(grey)!.plain).toBe(true);
    expect(jpegHeader(inserted(grey, segment))!.plain).toBe(false);
  });

  it('is read across fill bytes before a marker', async () => {
    expect(jpegHeader(inserted(await jpeg(90, 60), [0xff, 0xff]))).toEqual({ width: 90, height: 60, plain: true });
  });

  it('is none where the bytes end too early or are no JPEG', async () => {
    const image = await jpeg(90, 60);
    for (const length of [0, 1, 2, 3, 20, 100]) expect(jpegHeader(image.subarray(0, length))).toBeUndefined();
    expect(jpegHeader(await FORMATS.png(9, 9))).toBeUndefined();
    expect(jpegHeader(Buffer.alloc(1000, 0xff))).toBeUndefined();
  });
});

describe('a picture of no size', () => {
  it('has a content of numbers all the same', () => {
    const content = contentOf({ width: 0, height: 0 }, 100, new Uint8Array(32 * 32 * 3), 32);
    expect(content.every(Number.isFinite)).toBe(true);
  });
});
