/** Temporary folders of processes that were killed: nobody else takes them away where /tmp outlives a gateway. */

import { lstat, mkdtemp, readdir, readlink, rm, utimes } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';

/** A folder is touched so often, and taken for nobody's where it was not for so long. */
const TOUCH_MS = 20_000;
const LEFT_MS = 120_000;

/** Those that this process made. */
const own = new Set<string>();

/**
 * A new folder for temporary files whose name begins with `kind` and says whose it is; those of the same kind that belong to no process any more are removed.
 * @throws what the file system says where no folder can be made
 */
export async function ownFolder(kind: string): Promise<string> {
  // Hosts may share a TMPDIR; so may containers of one host, each with its own process 1, one after the other or at once.
  const host = `${kind}-${hostname().replaceAll(/\W/g, '')}-`;
  const mine = `${host}${await namespace()}-`;
  const folder = await mkdtemp(join(tmpdir(), `${mine}${process.pid}-`));
  own.add(folder);
  setInterval(() => void touch(folder), TOUCH_MS).unref();
  for (const name of await readdir(tmpdir()).catch(() => [])) {
    const path = join(tmpdir(), name);
    if (!name.startsWith(host) || own.has(path)) continue;
    const pid = name.startsWith(mine) ? Number.parseInt(name.slice(mine.length), 10) : undefined;
    // In another namespace a number says nothing; in this one, this process's own number was that of one before it.
    const isLeft = pid === undefined ? await wasLeft(path) : pid === process.pid || !runs(pid);
    if (isLeft) await removeOwn(path);
  }
  return folder;
}

/** Among which processes a number names one. */
async function namespace(): Promise<string> {
  const link = await readlink('/proc/self/ns/pid').catch(() => '');
  return link.replaceAll(/\D/g, '');
}

async function touch(folder: string): Promise<void> {
  const now = new Date();
  await utimes(folder, now, now).catch(() => undefined);
}

async function wasLeft(folder: string): Promise<boolean> {
  const { mtimeMs } = await lstat(folder).catch(() => ({ mtimeMs: Number.POSITIVE_INFINITY }));
  return Date.now() - mtimeMs > LEFT_MS;
}

function runs(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

/** Only what this user made: in another's folder, names can be swapped for links while it is being removed. What cannot be removed stays. */
async function removeOwn(folder: string): Promise<void> {
  const { uid } = await lstat(folder).catch(() => ({ uid: undefined }));
  if (uid === process.getuid?.()) await rm(folder, { recursive: true, force: true }).catch(() => undefined);
}
