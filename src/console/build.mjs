/** npm run build:console: bundles the page into dist/console, with the licences of what is in the bundle. */

import { readdir, readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

const { metafile } = await build({
  absWorkingDir: ROOT,
  entryPoints: ['console.tsx', 'console.css', 'index.html', 'icon.svg', 'sample.jpg'].map(
    (name) => `src/console/${name}`,
  ),
  outdir: 'dist/console',
  bundle: true,
  minify: true,
  format: 'esm',
  // `light-dark` in console.css, and browsers that know it.
  target: ['chrome123', 'firefox120', 'safari17.5'],
  loader: { '.html': 'copy', '.svg': 'copy', '.jpg': 'copy' },
  metafile: true,
  logLevel: 'warning',
});

const packages = new Set(
  Object.keys(metafile.inputs).flatMap((path) => /^node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1] ?? []),
);
const licences = await Promise.all([...packages].sort().map(licenceOf));
await writeFile(`${ROOT}dist/console/licences.txt`, licences.join('\n\n'));

async function licenceOf(name) {
  const folder = `${ROOT}node_modules/${name}/`;
  const file = (await readdir(folder)).find((each) => /^licen[cs]e/i.test(each));
  if (file === undefined) throw new Error(`${name} has no licence that could be shipped with the page`);
  return `${name}\n\n${await readFile(folder + file, 'utf8')}`;
}
