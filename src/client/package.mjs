/** Part of `npm run package`: makes dist/client a package of its own, without the gateway and what that depends on. */

import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const FOLDER = `${ROOT}dist/client/`;

const { version, license, engines, private: isPrivate } = JSON.parse(await readFile(`${ROOT}package.json`, 'utf8'));
const manifest = {
  name: 'sluice-client',
  version,
  description: 'Client of the serving gateway Sluice: typed, with retries and deadlines, for Node and browsers',
  license,
  type: 'module',
  private: isPrivate,
  sideEffects: false,
  engines,
  exports: { '.': { types: './index.d.ts', default: './index.js' }, './package.json': './package.json' },
  files: ['*.js', '*.js.map', '*.d.ts'],
};
await writeFile(`${FOLDER}package.json`, `${JSON.stringify(manifest, null, 2)}\n`);
await copyFile(`${ROOT}src/client/README.md`, `${FOLDER}README.md`);
await copyFile(`${ROOT}LICENSE`, `${FOLDER}LICENSE`);
