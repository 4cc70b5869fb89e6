import { mkdir, mkdtemp, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FolderWatch } from '../../src/gateway/watch.js';
import { mountConfigMap } from '../support/deployed.js';
import { until } from '../support/process.js';

let root: string;
let folder: string;
let changes: number;
let watch: FolderWatch | undefined;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'sluice-watch-'));
  folder = join(root, 'policies');
  changes = 0;
});
afterEach(async () => {
  await watch?.close();
  await rm(root, { recursive: true });
});

/** Watches, past the change that is told at the start. */
async function watching(): Promise<void> {
  const failed = (error: Error) => expect.fail(error.message);
  watch = new FolderWatch(folder, { changed: () => changes++, failed });
  await until('the start is told', () => changes === 1);
}

const told = async (work: () => Promise<unknown>) => {
  const before = changes;
  await work();
  await until('it is told', () => changes > before);
};

describe('a watch of a folder tells', () => {
  it('of a file that is written, replaced, renamed and removed', async () => {
    await mkdir(folder);
    await watching();
    await told(() => writeFile(join(folder, 'a.yaml'), '1'));
    await told(() => writeFile(join(folder, 'a.yaml'), '2'));
    await writeFile(join(root, 'new'), '3');
    await told(() => rename(join(root, 'new'), join(folder, 'a.yaml')));
    await told(() => rename(join(folder, 'a.yaml'), join(folder, 'b.yaml')));
    await told(() => rm(join(folder, 'b.yaml')));
  });

  it('of a file in a folder that is new', async () => {
    await mkdir(folder);
    await watching();
    await told(() => mkdir(join(folder, 'cascade')));
    await told(() => writeFile(join(folder, 'cascade', 'cascade.yaml'), '1'));
  });

  it('of a link above it that is swapped, and of what changes in the new release', async () => {
    for (const release of ['first', 'second']) await mkdir(join(root, release, 'policies'), { recursive: true });
    const current = join(root, 'current');
    await symlink('first', current);
    folder = join(current, 'policies');
    await watching();
    await symlink('second', join(root, 'new'));
    await told(() => rename(join(root, 'new'), current));
    await told(() => writeFile(join(root, 'second', 'policies', 'a.yaml'), '1'));
    // As `ln -sf` swaps it: away for a moment.
    await told(() => rm(current));
    await told(() => symlink('first', current));
    await told(() => writeFile(join(root, 'first', 'policies', 'b.yaml'), '1'));
  });

  it('of each update of a ConfigMap', async () => {
    await mkdir(folder);
    await mountConfigMap(folder, '..2026_1', { 'a.yaml': '1' });
    await watching();
    for (let version = 2; version < 6; version++)
      await told(() => mountConfigMap(folder, `..2026_${version}`, { 'a.yaml': String(version) }));
  });

  it('of a link to a release that is swapped, and of changes in the new one', async () => {
    for (const release of ['1', '2']) await mkdir(join(root, release));
    await symlink('1', folder);
    await watching();
    await symlink('2', join(root, 'next'));
    await told(() => rename(join(root, 'next'), folder));
    await told(() => writeFile(join(root, '2', 'a.yaml'), '1'));
  });

  it('once of many changes in a row', async () => {
    await mkdir(folder);
    await watching();
    for (let i = 0; i < 20; i++) await writeFile(join(folder, `${i}.yaml`), '1');
    await until('it is told', () => changes === 2);
    await sleep(300);
    expect(changes).toBeLessThan(6);
  });

  it('nothing after it is closed', async () => {
    await mkdir(folder);
    await writeFile(join(folder, 'a.yaml'), '1');
    await watching();
    await writeFile(join(folder, 'a.yaml'), '2');
    await watch!.close();
    await utimes(join(folder, 'a.yaml'), 1, 1);
    await sleep(300);
    expect(changes).toBe(1);
  });
});
