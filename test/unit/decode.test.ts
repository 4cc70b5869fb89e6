import sharp, { type Sharp } from 'sharp';
import { describe, expect, it } from 'vitest';
import { RequestError } from '../../src/errors.js';
import { decode } from '../../src/lane/decode.js';
import { animation, claimingPng, cmykJpeg, drawn, FORMATS, jpeg, oriented, png16, scene } from '../support/pictures.js';

const SIDE = 32;
const target = { resolution: SIDE, kernel: 'cubic', maxPixels: 1_000_000 } as const;
const code = (image: Uint8Array, maxPixels: number = target.maxPixels) =>
  decode(image, { ...target, maxPixels }).then(
    () => 'decoded',
    (error: unknown) => (error instanceof RequestError ? error.code : String(error)),
  );
const png = (pixels: Uint8Array, width: number, height: number, channels: 1 | 2 | 3 | 4 = 3) =>
  sharp(pixels, { raw: { width, height, channels } }).png().toBuffer();
const exactJpeg = (pixels: Uint8Array, side: number) =>
  sharp(pixels, { raw: { width: side, height: side, channels: 3 } })
    .jpeg({ quality: 100, chromaSubsampling: '4:4:4' })
    .toBuffer();
/** A picture of one pixel value. */
const plain = (...pixel: number[]) => Buffer.alloc(SIDE * SIDE * pixel.length, Uint8Array.from(pixel));
const inserted = (image: Buffer, at: number, ...what: Buffer[]) =>
  Buffer.concat([image.subarray(0, at), ...what, image.subarray(at)]);
/** Of a progressive JPEG, that change nothing: a table with one code, and with it each time one run of zeros. */
const scans = (count: number) =>
  Buffer.from(`ffc400141001${'00'.repeat(15)}e0${'ffda00080101000101000001'.repeat(count)}`, 'hex');
const meanDifference = (a: Uint8Array, b: Uint8Array) =>
  a.reduce((sum, value, i) => sum + Math.abs(value - b[i]!), 0) / a.length;

describe('decode', () => {
  it.each([
    [32, 32],
    [1, 1],
    [500, 20],
    [20, 500],
    [64, 48],
  ])('makes [side, side, 3] of %i x %i pixels', async (width, height) => {
    const pixels = await decode(await jpeg(width, height), target);
    expect(pixels.length).toBe(SIDE * SIDE * 3);
    expect(pixels).toBeInstanceOf(Uint8Array);
  });

  it.each(Object.entries(FORMATS))('sees the same scene in a %s', async (_, draw) => {
    expect(meanDifference(await decode(await draw(SIDE, SIDE), target), scene(SIDE, SIDE))).toBeLessThan(12);
    expect(meanDifference(await decode(await draw(200, 200), target), scene(SIDE, SIDE))).toBeLessThan(12);
  });

  it('gives the pixels themselves, in the order R, G, B, when nothing is to be resized', async () => {
    const pixels = Uint8Array.from({ length: SIDE * SIDE * 3 }, (_, i) => (i * 37) % 256);
    expect(await decode(await png(pixels, SIDE, SIDE), target)).toEqual(pixels);
  });

  it.each(['linear', 'cubic', 'mitchell', 'lanczos3'] as const)(
    'enlarges a small picture without moving it: what is symmetric stays so (%s)',
    async (kernel) => {
      const small = 10;
      const value = (i: number) => Math.min(i, small - 1 - i) * 50;
      const pixels = Uint8Array.from({ length: small * small * 3 }, (_, i) => value(Math.floor(i / 3) % small));
      for (const image of [png(pixels, small, small), exactJpeg(pixels, small)]) {
        const out = await decode(await image, { ...target, kernel });
        const row = Array.from({ length: SIDE }, (_, x) => out[3 * (5 * SIDE + x)]!);
        for (const [x, v] of row.entries()) expect(Math.abs(v - row[SIDE - 1 - x]!), `${row}`).toBeLessThanOrEqual(6);
        expect(Math.max(...row)).toBeGreaterThan(150);
      }
    },
  );

  it.each([
    [500, 375],
    [333, 500],
    [250, 180],
    [40, 40],
    [12, 12],
  ])('makes of a plain JPEG of %i x %i nearly what the general decoder makes of its pixels', async (width, height) => {
    const image = await jpeg(width, height);
    const general = await sharp(image).png().toBuffer();
    for (const resolution of [24, 32, 96, 192]) {
      const [ours, theirs] = [
        await decode(image, { ...target, resolution }),
        await decode(general, { ...target, resolution }),
      ];
      expect(meanDifference(ours, theirs), `${resolution}`).toBeLessThan(1.5);
    }
  });

  it.each([
    ['grey', (picture: Sharp) => picture.toColourspace('b-w')],
    ['in Display P3', (picture: Sharp) => picture.withIccProfile('p3')],
    ['of a profile that nothing can be made of', (picture: Sharp) => picture.withIccProfile('p3'), 'broken'],
  ])('makes of a JPEG %s nearly what the general decoder makes of its pixels', async (_, made, broken?: string) => {
    const image = await made(drawn(500, 375)).jpeg({ quality: 95 }).toBuffer();
    if (broken !== undefined) image.fill(0, image.indexOf('acsp') + 40, image.indexOf('acsp') + 340);
    const general = await sharp(image).toColourspace('srgb').png().toBuffer();
    for (const resolution of [96, 192]) {
      const [ours, theirs] = [
        await decode(image, { ...target, resolution }),
        await decode(general, { ...target, resolution }),
      ];
      expect(meanDifference(ours, theirs), `${resolution}`).toBeLessThan(1.5);
    }
  });

  it('leaves a JPEG of very many scans to libvips, which gives up after some seconds', async () => {
    const image = await drawn(500, 375).jpeg({ progressive: true }).toBuffer();
    const many = inserted(image, image.length - 2, scans(100));
    const general = await sharp(many).resize(SIDE, SIDE, { fit: 'cover', kernel: 'cubic' }).raw().toBuffer();
    expect(Buffer.from(await decode(many, target))).toEqual(general);
    expect(Buffer.from(await decode(image, target))).not.toEqual(general);
  });

  it('takes the centre of the longer side', async () => {
    const [wide, tall] = [Buffer.alloc(3 * SIDE * SIDE * 3), Buffer.alloc(3 * SIDE * SIDE * 3)];
    for (let y = 0; y < SIDE; y++) {
      for (let x = 0; x < 3 * SIDE; x++) {
        const value = x < SIDE ? 10 : x < 2 * SIDE ? 120 : 240;
        wide.fill(value, 3 * (y * 3 * SIDE + x), 3 * (y * 3 * SIDE + x + 1));
        tall.fill(value, 3 * (x * SIDE + y), 3 * (x * SIDE + y + 1));
      }
    }
    const middle = new Uint8Array(SIDE * SIDE * 3).fill(120);
    expect(await decode(await png(wide, 3 * SIDE, SIDE), target)).toEqual(middle);
    expect(await decode(await png(tall, SIDE, 3 * SIDE), target)).toEqual(middle);
  });

  it.each([1, 2, 3, 4, 5, 6, 7, 8])('turns the picture upright: EXIF orientation %i', async (orientation) => {
    const upright = await decode(await drawn(60, SIDE).png().toBuffer(), target);
    expect(await decode(await oriented(orientation, 60, SIDE), target)).toEqual(upright);
  });

  it('puts transparency on white, in colour and in grey, of 8 and of 16 bits', async () => {
    const white = new Uint8Array(SIDE * SIDE * 3).fill(255);
    for (const clear of [plain(10, 20, 30, 0), plain(10, 0)]) {
      const channels = clear.length / SIDE ** 2 === 4 ? 4 : 2;
      expect(await decode(await png(clear, SIDE, SIDE, channels), target)).toEqual(white);
      expect(await decode(await png16(clear, SIDE, SIDE, channels), target)).toEqual(white);
    }
    const half = await decode(await png(plain(0, 0, 0, 128), SIDE, SIDE, 4), target);
    expect(new Set(half)).toEqual(new Set([127]));
  });

  it('takes the first frame', async () => {
    for (const format of ['gif', 'webp'] as const) {
      const pixels = await decode(await animation(format, ['#0a141e', '#c8b4a0']), target);
      expect([...pixels.subarray(0, 3)]).toEqual([10, 20, 30]);
      expect(pixels.length).toBe(SIDE * SIDE * 3);
    }
  });

  it('makes 8 bits of 16', async () => {
    const pixels = scene(SIDE, SIDE);
    expect(await decode(await png16(pixels, SIDE, SIDE, 3), target)).toEqual(new Uint8Array(pixels));
  });

  it('makes RGB of grey, also of one bit a pixel', async () => {
    const grey = Uint8Array.from({ length: SIDE * SIDE }, (_, i) => i % 256);
    const rgb = Uint8Array.from({ length: SIDE * SIDE * 3 }, (_, i) => Math.floor(i / 3) % 256);
    expect(await decode(await png(grey, SIDE, SIDE, 1), target)).toEqual(rgb);
    expect(await decode(await png16(grey, SIDE, SIDE, 1), target)).toEqual(rgb);
    const bits = grey.map((value) => (value < 128 ? 0 : 255));
    const bilevel = await sharp(bits, { raw: { width: SIDE, height: SIDE, channels: 1 } })
      .tiff({ bitdepth: 1, compression: 'none' })
      .toBuffer();
    expect(await decode(bilevel, target)).toEqual(rgb.map((value) => (value < 128 ? 0 : 255)));
  });

  it('makes RGB of CMYK', async () => {
    const pixels = await decode(await cmykJpeg(SIDE, SIDE), target);
    expect(meanDifference(pixels, scene(SIDE, SIDE))).toBeLessThan(30);
  });

  it('refuses more pixels than allowed, and takes exactly as many', async () => {
    const image = await drawn(40, 30).png().toBuffer();
    expect(await code(image, 1199)).toBe('too_many_pixels');
    expect(await code(image, 1200)).toBe('decoded');
  });

  it('knows of too many pixels from the header: there are none behind it', async () => {
    expect(await code(await claimingPng(30_000, 30_000))).toBe('too_many_pixels');
    expect(await code(await claimingPng(900, 900))).toBe('damaged_image');
  });

  it('refuses a JPEG that ends too early, though with the marker of an end, small or large', async () => {
    for (const [width, height] of [
      [160, 120],
      [480, 360],
    ] as const) {
      const whole = await drawn(width, height).jpeg().toBuffer();
      const cut = Buffer.concat([whole.subarray(0, whole.length * 0.6), Buffer.from([0xff, 0xd9])]);
      expect([width, await code(cut)]).toEqual([width, 'damaged_image']);
    }
  });

  it('refuses what is cut short, whatever the format', async () => {
    for (const draw of Object.values(FORMATS)) {
      const image = await draw(200, 200);
      expect(await code(image.subarray(0, image.length >> 1))).toBe('damaged_image');
    }
  });

  it('refuses what its decoder could read but the contract does not name', async () => {
    const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="32" height="32"><rect width="32" height="32"/></svg>';
    for (const text of [svg, `<?xml version="1.0"?>${svg}`, 'P3 1 1 255 1 2 3\n', '%PDF-1.7\n']) {
      expect(await code(Buffer.from(text))).toBe('damaged_image');
    }
  });
});

describe('pictures that are small and take long', () => {
  const large = (side: number) => sharp({ create: { width: side, height: side, channels: 3, background: '#888' } });
  const comment = (bytes: Buffer) => {
    const head = Buffer.from([0xff, 0xfe, 0, 0]);
    head.writeUInt16BE(bytes.length + 2, 2);
    return Buffer.concat([head, bytes]);
  };
  const progressive = () => large(4000).jpeg({ progressive: true }).toBuffer();

  it('are refused where a large JPEG has more scans than any encoder writes; where it has twelve it is decoded', async () => {
    const image = await progressive();
    expect(await code(image, 50e6)).toBe('decoded');
    const refused = decode(inserted(image, image.length - 2, scans(120)), { ...target, maxPixels: 50e6 });
    await expect(refused).rejects.toThrow('the picture has more than 93 scans');
    await expect(refused).rejects.toMatchObject({ code: 'damaged_image' });
  });

  it('are not JPEGs with such bytes in a comment, or behind their end as the video of a phone', async () => {
    const image = await progressive();
    expect(await code(inserted(image, 2, comment(scans(120))), 50e6)).toBe('decoded');
    expect(await code(inserted(image, image.length, scans(120)), 50e6)).toBe('decoded');
  });

  it.each([0x00, 0x01, 0xd0])(
    'are refused, too, where marker %i leads to the header of a small picture',
    async (marker) => {
      const [image, small] = [await progressive(), await jpeg(8, 8)];
      // Taken for a segment it would be as long as the marker of the first comment says: right up to the header within the second.
      const [first, second] = [Buffer.alloc(60_000), Buffer.alloc(20_000)];
      small.copy(second, 4 + 0xfffe - (4 + 4 + first.length + 4), 2);
      const hidden = inserted(image, 2, Buffer.from([0xff, marker]), comment(first), comment(second));
      const refused = decode(inserted(hidden, hidden.length - 2, scans(60)), { ...target, maxPixels: 50e6 });
      await expect(refused).rejects.toThrow('the picture has more than 30 scans');
    },
  );

  it.each([
    ['GIF', (image: Sharp) => image.gif({ effort: 1 })],
    ['interlaced PNG', (image: Sharp) => image.png({ progressive: true, compressionLevel: 1 })],
    ['AVIF', (image: Sharp) => image.avif({ effort: 0, quality: 1 })],
  ])('are refused above 16 million pixels where no smaller one can be decoded of it: %s', async (_, write) => {
    const refused = decode(await write(large(4001)).toBuffer(), { ...target, maxPixels: 50e6 });
    await expect(refused).rejects.toThrow('4001 x 4001 pixels; at most 16000000 are decoded');
    await expect(refused).rejects.toMatchObject({ code: 'too_many_pixels' });
  });

  it('are no others', async () => {
    expect(await code(await large(4001).png({ compressionLevel: 1 }).toBuffer(), 50e6)).toBe('decoded');
  });
});
