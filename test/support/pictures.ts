/** Pictures drawn by script, in every format of the contract: the repository holds no photograph of somebody else's. */

import sharp, { type Sharp } from 'sharp';

/** A sky, a ground and a disc: colourful, not symmetric, compressible. */
export function scene(width: number, height: number, hue = 30): Buffer {
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 100 100" preserveAspectRatio="none">
    <rect width="100" height="60" fill="hsl(${hue + 180} 60% 70%)"/><rect y="60" width="100" height="40" fill="hsl(${hue + 90} 40% 35%)"/>
    <circle cx="32" cy="45" r="20" fill="hsl(${hue} 80% 50%)"/><rect x="60" y="30" width="25" height="45" fill="hsl(${hue + 40} 70% 30%)"/></svg>`;
  return Buffer.from(svg);
}

export function drawn(width: number, height: number, hue?: number): Sharp {
  return sharp(scene(width, height, hue)).flatten({ background: '#ffffff' });
}

export function jpeg(width = 32, height = 32, hue?: number): Promise<Buffer> {
  return drawn(width, height, hue).jpeg({ quality: 92 }).toBuffer();
}
