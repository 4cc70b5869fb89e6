import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ownFolder } from '../../src/gateway/own-folder.js';

let temporary: string;
beforeEach(async () => {
  temporary = await mkdtemp(join(tmpdir(), 'sluice-own-'));
  vi.stubEnv('TMPDIR', temporary);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(temporary, { recursive: true });
});

/** A folder as `pid` would have made it, with a file in it. */
async function folderOf(pid: number, change = (name: string) => name): Promise<string> {
  const mine = basename(await ownFolder('kind'));
  const folder = join(temporary, change(mine.replace(`-${process.pid}-`, `-${pid}-`)));
  await mkdir(folder);
  await writeFile(join(folder, 'file'), 'x');
  return folder;
}

/** The number of a process that has ended. */
const ended = () => spawnSync(process.execPath, ['-e', '']).pid;

describe('ownFolder', () => {
  it('makes a new folder each time, in TMPDIR', async () => {
    const [first, second] = [await ownFolder('kind'), await ownFolder('kind')];
    expect(first).not.toBe(second);
    expect(dirname(first)).toBe(temporary);
    expect([existsSync(first), existsSync(second)]).toEqual([true, true]);
  });

  it('removes what a process that was killed left behind', async () => {
    const left = await folderOf(ended());
    await ownFolder('kind');
    expect(existsSync(left)).toBe(false);
  });

  it('removes that of a process of its own number: a container that starts again has the same ones', async () => {
    const left = await folderOf(process.pid, (name) => `${name.slice(0, -6)}before`);
    await ownFolder('kind');
    expect(existsSync(left)).toBe(false);
  });

  it('removes that of another namespace once nobody has touched it for minutes', async () => {
    const elsewhere = (name: string) => name.replace(/-\d*-(\d+)-/, '-4026530001-$1-');
    const left = await folderOf(1, elsewhere);
    const used = await folderOf(1, (name) => `${elsewhere(name)}used`);
    const before = new Date(Date.now() - 180_000);
    await utimes(left, before, before);
    await ownFolder('kind');
    expect([existsSync(left), existsSync(used)]).toEqual([false, true]);
  });

  it('leaves those of processes that run, of other kinds, and of processes elsewhere whose numbers say nothing here', async () => {
    const kept = [
      await folderOf(process.ppid),
      await folderOf(ended(), (name) => name.replace('kind-', 'other-')),
      await folderOf(ended(), (name) => name.replace('kind-', 'kind-elsewhere')),
    ];
    await ownFolder('kind');
    expect(kept.map((folder) => existsSync(folder))).toEqual([true, true, true]);
  });

  it('says why no folder can be made', async () => {
    vi.stubEnv('TMPDIR', join(temporary, 'nowhere'));
    await expect(ownFolder('kind')).rejects.toThrow('ENOENT');
  });
});
