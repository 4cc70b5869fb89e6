/** The size of an encoded picture of any format, before any orientation is applied. */

import sharp from 'sharp';
import { jpegHeader } from './jpeg-header.js';
import type { PixelSize } from './messages.js';

/** Undefined when the header cannot be read: the decoder will say why. */
export async function sourceOf(image: Uint8Array): Promise<PixelSize | undefined> {
  const jpeg = jpegHeader(image);
  if (jpeg !== undefined) return jpeg;
  return sharp(image, { limitInputPixels: false })
    .metadata()
    .catch(() => undefined);
}
