/** The size of an encoded picture of any format. */

import sharp from 'sharp';
import { jpegHeader, type Source } from './jpeg-header.js';

/** Undefined when the header cannot be read: the decoder will say why. */
export async function sourceOf(image: Uint8Array): Promise<Source | undefined> {
  const jpeg = jpegHeader(image);
  if (jpeg !== undefined) return jpeg;
  return sharp(image, { limitInputPixels: false })
    .metadata()
    .catch(() => undefined);
}
