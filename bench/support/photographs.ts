/** Pictures for a benchmark of photographs: the caller's own, or drawn by script with the sizes that photographs on the web have. */

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadCascade } from '../../src/cascade/loader.js';
import { listAnyPictures } from '../../src/cli/labelled.js';
import { shuffle } from '../../src/tune/record.js';
import { ROOT } from './gateway.js';
import { drawn } from './pictures.js';

export interface Photographs {
  readonly images: readonly Uint8Array[];
  /** Index of the class; undefined where it is not known. */
  readonly labels: readonly (number | undefined)[];
  /** Where they come from. */
  readonly from: string;
}

const COUNT = 48;
const SIZES = [
  [500, 375],
  [375, 500],
  [500, 333],
  [640, 480],
  [800, 600],
  [1280, 960],
] as const;

/** @param folder pictures, or folders of them named by class; undefined: drawn ones */
export async function photographs(folder: string | undefined, cascade: string): Promise<Photographs> {
  if (folder === undefined) {
    const images = await Promise.all(
      Array.from({ length: COUNT }, (_, index) => {
        const [width, height] = SIZES[index % SIZES.length]!;
        return drawn(index, width, height, true);
      }),
    );
    return {
      images,
      labels: images.map(() => undefined),
      from: 'drawn by script, 500 x 375 to 1280 x 960, with noise',
    };
  }
  const pictures = await listAnyPictures(
    folder,
    await loadCascade(join(ROOT, 'models', cascade, 'cascade.yaml'), cascade),
  );
  const mixed = shuffle(pictures.length, 1).map((at) => pictures[at]!);
  return {
    images: await Promise.all(mixed.map(({ file }) => readFile(file))),
    labels: mixed.map(({ label }) => label),
    from: 'photographs of the caller',
  };
}
