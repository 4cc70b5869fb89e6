/** Labelled pictures on disk: one folder a class, as torchvision's ImageFolder has them. */

import type { Dirent } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Cascade } from '../cascade/cascade.js';
import { ConfigError } from '../errors.js';
import { progress } from './fail.js';
import { readPicture } from './picture.js';

export interface AnyPicture {
  readonly file: string;
  readonly label: number | undefined;
}

export interface LabelledPicture extends AnyPicture {
  readonly label: number;
}

/** Enough waiting requests to keep every lane's batches full, few enough to hold only their pictures in memory. */
export function picturesInFlight(lanes: number): number {
  return lanes * 48;
}

/**
 * Does the same with every picture, `inFlight` at a time; those that fail are named on stderr.
 * @returns how many failed
 */
export async function eachPicture<Picture extends AnyPicture>(
  pictures: readonly Picture[],
  inFlight: number,
  work: (image: Uint8Array, label: Picture['label'], index: number) => Promise<void>,
): Promise<number> {
  const queue = pictures.entries();
  let [done, failed] = [0, 0];
  const worker = async () => {
    for (const [index, { file, label }] of queue) {
      try {
        await work(await readPicture(file), label, index);
      } catch (error) {
        failed++;
        process.stderr.write(`sluice: ${file}: ${(error as Error).message}\n`);
      }
      progress(`${++done} of ${pictures.length} pictures`);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
  progress('');
  return failed;
}

/** @throws ConfigError for a folder whose name is no class */
export async function listPictures(
  directory: string,
  cascade: Cascade,
  limit = Number.POSITIVE_INFINITY,
): Promise<LabelledPicture[]> {
  const pictures: LabelledPicture[] = [];
  for (const folder of await entriesOf(directory)) {
    const path = join(directory, folder.name);
    // A folder, or a symbolic link to one.
    if (!(await stat(path)).isDirectory()) continue;
    const label = classOf(folder.name, cascade);
    if (label < 0) throw new ConfigError(path, '', `is no class of ${cascade.name}; allowed: ${classNames(cascade)}`);
    const files = await filesUnder(path);
    for (const file of files.slice(0, limit)) pictures.push({ file, label });
  }
  if (pictures.length === 0) throw new ConfigError(directory, '', 'holds no pictures: one folder a class is expected');
  return pictures;
}

/**
 * Labelled pictures, or, where the folder holds pictures and no folders, pictures without labels: their label is undefined.
 * @throws ConfigError for a folder whose name is no class
 */
export async function listAnyPictures(
  directory: string,
  cascade: Cascade,
  limit = Number.POSITIVE_INFINITY,
): Promise<readonly AnyPicture[]> {
  const entries = await entriesOf(directory);
  const folders = await Promise.all(entries.map(async ({ name }) => (await stat(join(directory, name))).isDirectory()));
  const loose = entries.filter(({ name }) => PICTURE.test(name));
  if (folders.some((folder) => folder) || loose.length === 0) return listPictures(directory, cascade, limit);
  return loose.slice(0, limit).map(({ name }) => ({ file: join(directory, name), label: undefined }));
}

/** In the order of their names, without hidden ones (.DS_Store, .git). */
async function entriesOf(directory: string): Promise<Dirent[]> {
  const entries = await readdir(directory, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    throw new ConfigError(directory, '', `the data cannot be read: ${error.code}`);
  });
  return entries.filter(({ name }) => !name.startsWith('.')).sort((a, b) => a.name.localeCompare(b.name));
}

/** Other files beside the pictures (a README, Thumbs.db) are passed over. */
const PICTURE = /\.(jpe?g|png|webp|avif|gif|tiff?)$/i;

/** Folders inside a class folder count, as for torchvision's ImageFolder. */
async function filesUnder(directory: string): Promise<string[]> {
  const files: string[] = [];
  for (const entry of await entriesOf(directory)) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) files.push(...(await filesUnder(path)));
    else if (PICTURE.test(entry.name)) files.push(path);
  }
  return files;
}

/** A few are enough to see what is meant: there may be thousands. */
function classNames({ labels }: Cascade): string {
  const some = labels.slice(0, 10).map(({ name }) => name);
  const more = labels.length > some.length ? ', ...' : '';
  return `a label (${some.join(', ')}${more}), a wnid, or an index from 0 to ${labels.length - 1}`;
}

/** Index of the class that a folder's name means, or -1. */
function classOf(name: string, { labels }: Cascade): number {
  const byName = labels.findIndex((label) => label.name === name || label.wnid === name);
  if (byName >= 0) return byName;
  return /^\d+$/.test(name) && Number(name) < labels.length ? Number(name) : -1;
}
