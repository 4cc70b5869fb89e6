/** Pictures drawn by script: coloured shapes, each another, as JPEGs. */

import sharp from 'sharp';

/** @param side pixels */
export function pictures(count: number, side: number): Promise<Buffer[]> {
  return Promise.all(Array.from({ length: count }, (_, index) => drawn(index, side, side)));
}

/** @param grain noise all over, without which a JPEG is a tenth of a photograph's bytes */
export async function drawn(index: number, width: number, height: number, grain = false): Promise<Buffer> {
  // A small linear congruential generator: the same pictures in every run.
  let state = index * 2654435761 + 1;
  const random = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  const shapes = Array.from({ length: 4 }, () => {
    const [x, y, r] = [random() * 100, random() * 100, 10 + random() * 30];
    const fill = `hsl(${Math.floor(random() * 360)} 70% ${Math.floor(20 + random() * 60)}%)`;
    return random() < 0.5
      ? `<circle cx="${x}" cy="${y}" r="${r}" fill="${fill}"/>`
      : `<rect x="${x - r}" y="${y - r}" width="${2 * r}" height="${1.4 * r}" fill="${fill}"/>`;
  });
  const sky = `hsl(${Math.floor(random() * 360)} 50% 60%)`;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 100 100" preserveAspectRatio="none"><rect width="100" height="100" fill="${sky}"/>${shapes.join('')}</svg>`;
  const picture = sharp(Buffer.from(svg)).flatten();
  if (grain) {
    const noise = Buffer.from(Uint8Array.from({ length: width * height }, () => 88 + random() * 80));
    const input = await sharp(noise, { raw: { width, height, channels: 1 } })
      .toColourspace('srgb')
      .png()
      .toBuffer();
    picture.composite([{ input, blend: 'overlay' }]);
  }
  return picture.jpeg({ quality: 90 }).toBuffer();
}
