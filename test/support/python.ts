/** Programs of PyPI for tests: a virtual environment of a pinned requirements file, made once and kept for later runs. */

import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, realpath, rm, stat, symlink } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Making one takes longer than any of this only where the network hangs. */
const INSTALL_MS = 300_000;
/** What a run that was killed has left behind is removed after this. */
const STALE_MS = 3_600_000;

/** Either the interpreter, or why there is none, for the title of tests that are skipped. */
export type Python =
  | { readonly path: string; readonly bin: string; readonly missing: '' }
  | { readonly path?: undefined; readonly bin?: undefined; readonly missing: string };

/**
 * The interpreter of a virtual environment with exactly these packages; `bin` is the folder of their programs. The environment is
 * known by the content of the file and the version of python3, and is published by one symbolic link: two that make it at once do
 * not see one another's half, and what a kill has left is never used.
 * @param requirements file in pip's format, every version pinned
 */
export async function pythonWith(requirements: string): Promise<Python> {
  let version: string;
  try {
    version = (await run('python3', ['-c', 'import sys, ensurepip; print(sys.version)'])).stdout;
  } catch {
    return { missing: ' (missing: python3 with venv, Debian package python3-venv)' };
  }
  const digest = createHash('sha256')
    .update(version)
    .update(process.arch)
    .update(await readFile(requirements));
  const name = `py-${digest.digest('hex').slice(0, 16)}`;
  const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'sluice');
  await mkdir(cache, { recursive: true });
  const link = join(cache, name);
  if (!(await isThere(link))) {
    const refusal = await make(cache, name, requirements);
    if (refusal !== undefined)
      return { missing: ` (missing: packages of ${requirements.split('/').at(-1)}: ${refusal})` };
  }
  const bin = join(await realpath(link), 'bin');
  return { path: join(bin, 'python'), bin, missing: '' };
}

async function isThere(link: string): Promise<boolean> {
  try {
    await run(join(link, 'bin', 'python'), ['-c', '']);
    return true;
  } catch {
    // Of an interpreter that was removed since, or a cache that was half cleared.
    await rm(link, { force: true });
    return false;
  }
}

/** @returns why it could not be made */
async function make(cache: string, name: string, requirements: string): Promise<string | undefined> {
  for (const left of (await readdir(cache)).filter((each) => each.startsWith(`${name}-`))) {
    const path = join(cache, left);
    const used = await realpath(join(cache, name)).catch(() => undefined);
    const age = Date.now() - (await stat(path).catch(() => ({ mtimeMs: Date.now() }))).mtimeMs;
    if (path !== used && age > STALE_MS) await rm(path, { recursive: true, force: true });
  }
  const folder = await mkdtemp(join(cache, `${name}-`));
  try {
    await run('python3', ['-m', 'venv', folder], { timeout: INSTALL_MS });
    const pip = [
      '-m',
      'pip',
      'install',
      '--quiet',
      '--no-compile',
      '--disable-pip-version-check',
      '--retries',
      '1',
      '--timeout',
      '15',
    ];
    await run(join(folder, 'bin', 'python'), [...pip, '--requirement', requirements], { timeout: INSTALL_MS });
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    const { stderr = '', message } = error as Error & { stderr?: string };
    const said = stderr.split('\n').filter((line) => line.startsWith('ERROR'));
    return (said.at(-1) ?? message.split('\n')[0]!).slice(0, 200);
  }
  try {
    await symlink(folder, join(cache, name));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    // Another test was first: its environment holds the same.
    await rm(folder, { recursive: true, force: true });
  }
  return undefined;
}
