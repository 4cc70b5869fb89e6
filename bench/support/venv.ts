/** Virtual environments of the peers in Python: made once from a pinned requirements file, kept in the user's cache. */

import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

const INSTALL_MS = 900_000;
const PIP = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--retries', '1', '--timeout', '15'];

export interface Venv {
  /** The interpreter. */
  readonly python: string;
  /** Of the packages that the file pins, by name. */
  readonly versions: Readonly<Record<string, string>>;
}

/**
 * @param name of its folder
 * @param requirements file in pip's format, every version pinned
 * @throws Error that says why it could not be made
 */
export async function venv(name: string, requirements: string): Promise<Venv> {
  const pins = await readFile(requirements, 'utf8');
  const python3 = await run('python3', ['-c', 'import sys, ensurepip; print(sys.version)']).catch(() => {
    throw new Error('python3 with venv is not there');
  });
  const digest = createHash('sha256').update(python3.stdout).update(pins).digest('hex');
  const folder = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'sluice', 'peers', name);
  const python = join(folder, 'bin', 'python');
  // Written last: without it, or with another digest in it, the folder is half made or of other pins.
  const made = join(folder, 'requirements.sha256');
  if ((await readFile(made, 'utf8').catch(() => '')) !== digest) {
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { recursive: true });
    process.stderr.write(`${name}: installing into ${folder}\n`);
    try {
      await run('python3', ['-m', 'venv', folder], { timeout: INSTALL_MS });
      await run(python, [...PIP, '--requirement', requirements], { timeout: INSTALL_MS });
    } catch (error) {
      const { stderr = '', message } = error as Error & { stderr?: string };
      const said = stderr.split('\n').filter((line) => line.startsWith('ERROR'));
      throw new Error(`does not install: ${(said.at(-1) ?? message.split('\n')[0]!).slice(0, 200)}`);
    }
    await writeFile(made, digest);
  }
  return { python, versions: versionsOf(pins) };
}

function versionsOf(pins: string): Record<string, string> {
  return Object.fromEntries(
    [...pins.matchAll(/^([\w.-]+)(?:\[\w+\])?==(\S+)$/gm)].map(([, name, version]) => [name!, version!]),
  );
}
