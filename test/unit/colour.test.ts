import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { convert, gridOf } from '../../src/lane/colour.js';
import { random } from '../../src/tune/record.js';
import { drawn } from '../support/pictures.js';

const profileOf = async (name: string) =>
  (await sharp(await drawn(8, 8).jpeg().withIccProfile(name).toBuffer()).metadata()).icc!;

/** Colours all over the cube, and its corners, edges and greys. */
function colours(): Uint8Array {
  const draw = random(3);
  const row = [0, 1, 127, 128, 254, 255];
  const special = row.flatMap((r) => row.flatMap((g) => row.flatMap((b) => [r, g, b])));
  return Uint8Array.from([...special, ...Array.from({ length: 30_000 }, () => Math.floor(256 * draw()))]);
}

describe('colours of another RGB space', () => {
  it('become those that libvips makes of them', async () => {
    const rgb = colours();
    const raw = { width: rgb.length / 3, height: 1, channels: 3 } as const;
    // A picture without loss that has the profile attached: its numbers are those that the profile speaks of.
    const tiff = await sharp(rgb, { raw }).tiff({ compression: 'none' }).withIccProfile('p3').toBuffer();
    const source = new Uint8Array(await sharp(tiff, { ignoreIcc: true }).raw().toBuffer());
    const wanted = await sharp(tiff).toColourspace('srgb').raw().toBuffer();
    const made = Uint8Array.from(source);
    convert(made, await gridOf(await profileOf('p3')));
    const off = made.map((value, i) => Math.abs(value - wanted[i]!));
    const unconverted = source.map((value, i) => Math.abs(value - wanted[i]!));
    const mean = (values: Uint8Array) => values.reduce((sum, value) => sum + value, 0) / values.length;
    expect(mean(unconverted)).toBeGreaterThan(4);
    // Of all colours alike; photographs have few that sRGB does not, where what is cut off bends.
    expect(mean(off)).toBeLessThan(0.8);
    expect(off.filter((value) => value > 8).length / off.length).toBeLessThan(0.02);
  });

  it('stay what they are where each node is its own colour', () => {
    const nodes = 18;
    const grid = new Uint8Array(nodes ** 3 * 3);
    for (let at = 0; at < nodes ** 3; at++)
      grid.set(
        [Math.floor(at / nodes ** 2), Math.floor(at / nodes) % nodes, at % nodes].map((node) => 15 * node),
        3 * at,
      );
    const rgb = colours();
    const made = Uint8Array.from(rgb);
    convert(made, grid);
    expect(made).toEqual(rgb);
  });

  it('are asked for once a profile, and again only when many others came since', async () => {
    const [p3, other] = [await profileOf('p3'), await profileOf('srgb')];
    const first = gridOf(p3);
    expect(gridOf(Uint8Array.from(p3))).toBe(first);
    expect(gridOf(other)).not.toBe(first);
    expect(gridOf(p3)).toBe(first);
    // Each differs in a byte of its header that nobody reads.
    for (let i = 1; i <= 32; i++) await gridOf(Uint8Array.from(p3, (byte, at) => (at === 120 ? i : byte)));
    expect(gridOf(p3)).not.toBe(first);
  });

  it('stay what they are where nothing can be read from the profile', async () => {
    const rgb = colours();
    const made = Uint8Array.from(rgb);
    convert(made, await gridOf(Buffer.alloc(200, 'x')));
    expect(made).toEqual(rgb);
  });
});
