import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { ROOT } from '../support/gateway.js';
import { pythonWith } from '../support/python.js';
import { read } from './manifests.js';

const { bin = '', missing } = await pythonWith(fileURLToPath(new URL('requirements.txt', import.meta.url)));

/** What hadolint finds, one line each. */
function lint(file: string): Promise<string> {
  return new Promise((resolve) => {
    execFile(join(bin, 'hadolint'), ['--no-color', file], (error, stdout, stderr) =>
      resolve(error === null || stdout !== '' ? stdout : stderr || error.message),
    );
  });
}

describe.skipIf(missing !== '')(`the Dockerfile${missing}`, () => {
  it('gives hadolint nothing to say', async () => {
    expect(await lint(`${ROOT}Dockerfile`)).toBe('');
  });

  it('would, were its base not pinned', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'sluice-dockerfile-'));
    const file = join(folder, 'Dockerfile');
    await writeFile(file, (await read('Dockerfile')).replaceAll(/^FROM node:\S+/gm, 'FROM node:latest'));
    expect(await lint(file)).toContain('DL3007');
    await rm(folder, { recursive: true });
  });
});
