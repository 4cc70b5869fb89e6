/** Temporary folders of processes that were killed: nobody else takes them away where /tmp outlives a gateway. */

import { lstat, mkdtemp, readdir, readlink, rm } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * A new folder for temporary files whose name begins with `kind` and says whose it is; those of the same kind that belong to no process any more are removed.
 * @throws what the file system says where no folder can be made
 */
export async function ownFolder(kind: string): Promise<string> {
  const mine = `${kind}-${await processes()}-`;
  const folder = await mkdtemp(join(tmpdir(), `${mine}${process.pid}-`));
  for (const name of await readdir(tmpdir()).catch(() => [])) {
    const pid = name.startsWith(mine) ? Number.parseInt(name.slice(mine.length), 10) : Number.NaN;
    if (!Number.isNaN(pid) && !runs(pid)) await removeOwn(join(tmpdir(), name));
  }
  return folder;
}

/** Among which processes a number names one: hosts may share a TMPDIR, and containers of one host, each with its own process 7. */
async function processes(): Promise<string> {
  const namespace = await readlink('/proc/self/ns/pid').catch(() => '');
  return `${hostname()}${namespace}`.replaceAll(/\W/g, '');
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
