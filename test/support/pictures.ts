/**
 * Pictures drawn by script, in every format of the contract: the repository holds no photograph of somebody else's. Drawn as
 * pixels, not as SVG: a process that has loaded the gateway's decoder refuses SVG, these tests included.
 */

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
