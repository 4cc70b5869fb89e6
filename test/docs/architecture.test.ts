import { readdir, readFile } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { expect, it } from 'vitest';
import { ROOT } from '../support/gateway.js';

/** By folder, the names that its row of the map has in backticks: one, or several with commas. */
const map = new Map(
  [...(await readFile(`${ROOT}ARCHITECTURE.md`, 'utf8')).matchAll(/^\| `(src\/[^`]*)` \| (.*) \|.*\|$/gm)].map(
    ([, folder, cell]) => [
      folder!,
      new Set([...cell!.matchAll(/`([^`]+)`/g)].flatMap(([, names]) => names!.split(', '))),
    ],
  ),
);

/** The row of the folder that a file lies in, or of the nearest one above. */
function rowOf(file: string): ReadonlySet<string> {
  const folder = dirname(file);
  return map.get(`${folder}/`) ?? rowOf(folder);
}

it('the map of ARCHITECTURE.md names every source file, in the row of its folder', async () => {
  const files = (await readdir(`${ROOT}src`, { recursive: true })).filter((file) => /\.(ts|tsx|mjs)$/.test(file));
  expect(files.length).toBeGreaterThan(200);
  const unnamed = files
    .map((file) => `src/${file}`)
    .filter((file) => !rowOf(file).has(basename(file).replace(/\.\w+$/, '')));
  expect(unnamed).toEqual([]);
});
