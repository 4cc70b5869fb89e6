/** A caller's own pictures, or some drawn by script where none are given. */

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pictures } from './pictures.js';

const DRAWN = { count: 64, side: 320 };

/** @throws RangeError where the folder holds none */
export async function picturesOf(folder: string | undefined): Promise<readonly Uint8Array[]> {
  if (folder === undefined) return pictures(DRAWN.count, DRAWN.side);
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  const files = entries.filter((entry) => entry.isFile() && /\.(jpe?g|png|webp|avif|gif|tiff?)$/i.test(entry.name));
  if (files.length === 0) throw new RangeError(`--data: ${folder} holds no pictures`);
  return Promise.all(
    files
      .map((file) => join(file.parentPath, file.name))
      .sort()
      .map((file) => readFile(file)),
  );
}

/** For people: how many, of what size. */
export function describedPictures(images: readonly Uint8Array[], folder: string | undefined): string {
  const kilobytes = images.reduce((sum, { length }) => sum + length, 0) / images.length / 1000;
  const what = folder === undefined ? `drawn by script, ${DRAWN.side} px` : 'photographs of --data';
  return `${images.length} pictures (${what}; ${kilobytes.toFixed(0)} KB on average)`;
}
