import { existsSync } from 'node:fs';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { RecordFile, type RecordHeader, type RecordLine } from '../../src/tune/record-file.js';

/** A disk without room. */
const FULL = '/dev/full';
const line = { picture: 'a'.repeat(64) } as RecordLine;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-record-'));
});
afterEach(() => rm(folder, { recursive: true }));

if (!existsSync(FULL)) console.info(`test/unit/record-file: skipped, there is no ${FULL}`);

describe.skipIf(!existsSync(FULL))('a record on a disk that is full', () => {
  it('says so when it is begun, and what may be done', async () => {
    const file = await RecordFile.open(join(folder, 'rec'), 'c', 'm');
    await symlink(FULL, join(folder, 'rec'));
    await expect(file.begin({} as RecordHeader)).rejects.toThrow(
      /rec: the record cannot be written: ENOSPC; allowed: --no-record/,
    );
  });

  it('says so when lines are added, and at the latest at its end', async () => {
    const file = await RecordFile.open(join(folder, 'rec'), 'c', 'm');
    await symlink(FULL, join(folder, 'rec'));
    file.add(line);
    await expect(file.close()).rejects.toThrow(/rec: the record cannot be written: ENOSPC; allowed: --no-record/);
  });

  it('takes no more lines once one was lost', async () => {
    const file = await RecordFile.open(join(folder, 'rec'), 'c', 'm');
    await symlink(FULL, join(folder, 'rec'));
    file.add(line);
    // The stream hears of it later.
    await vi.waitFor(() => expect(() => file.add(line)).toThrow('the record cannot be written: ENOSPC'));
    await expect(file.close()).rejects.toThrow('ENOSPC');
  });
});
