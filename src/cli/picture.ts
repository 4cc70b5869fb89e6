/** A picture from disk, looked at as HTTP looks at one: its first bytes decide, not its name. */

import { readFile } from 'node:fs/promises';
import { RequestError } from '../errors.js';
import { sniff } from '../http/sniff.js';

/** @throws an error whose message says why, without the file's name */
export async function readPicture(file: string): Promise<Uint8Array> {
  const image = await readFile(file).catch((error: NodeJS.ErrnoException) => {
    throw new Error(`cannot be read: ${error.code}`);
  });
  if (image.length === 0) throw new RequestError('empty_body', 'the file is empty');
  if (sniff(image) === undefined)
    throw new RequestError('unsupported_format', 'none of JPEG, PNG, WebP, AVIF, GIF, TIFF');
  return image;
}
