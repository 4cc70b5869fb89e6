/**
 * Copies of the stage files that are served, named by their content. A lane may have to start again at any time, and then needs the
 * bytes that the others have: not those that a deploy has written over them, or taken away, since.
 */

import { createHash, type Hash } from 'node:crypto';
import { createReadStream, rmSync } from 'node:fs';
import { chmod, chown, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { getSystemErrorMap } from 'node:util';
import type { Cascade, Stage } from '../cascade/cascade.js';
import { ConfigError, StartError } from '../errors.js';
import type { LaneUser } from './lane-process.js';
import { ownFolder } from './own-folder.js';

/** Bytes; hashed in a fifth of a millisecond. Smaller ones make the start longer. */
const PIECE = 1 << 18;

export class ModelStore {
  readonly #folder: string;
  /** By file: what it looked like when it was copied, and its copy. A file that looks the same is not read again. */
  readonly #known = new Map<string, { readonly look: string; readonly copy: string }>();
  readonly #reader: LaneUser | undefined;
  readonly #remove: () => void;

  private constructor(folder: string, reader: LaneUser | undefined) {
    this.#folder = folder;
    this.#reader = reader;
    this.#remove = () => rmSync(folder, { recursive: true, force: true });
    process.once('exit', this.#remove);
  }

  /**
   * @param reader user of the lanes, where it is not that of the gateway: it may read the copies, not change them
   * @throws StartError where no temporary files can be written
   */
  static async open(reader?: LaneUser): Promise<ModelStore> {
    const folder = await ownFolder('sluice-models').catch(cannotWrite);
    if (reader !== undefined) await letRead(folder, reader, 0o750).catch(cannotWrite);
    return new ModelStore(folder, reader);
  }

  /**
   * The cascade with a copy of each of its stage files.
   * @throws ConfigError naming a file that cannot be read; StartError where no copy can be written, which is no fault of the model
   */
  async keep(cascade: Cascade): Promise<Cascade> {
    const rungs = [];
    for (const rung of cascade.rungs) {
      const stages: Stage[] = [];
      for (const stage of rung.stages) stages.push({ ...stage, copy: await this.#copyOf(stage.file) });
      rungs.push({ ...rung, stages });
    }
    return { ...cascade, rungs };
  }

  /** Removes what none of these cascades needs. */
  async sweep(held: readonly Cascade[]): Promise<void> {
    const needed = new Set(held.flatMap(({ rungs }) => rungs.flatMap(({ stages }) => stages.map(({ copy }) => copy))));
    for (const [file, { copy }] of this.#known) if (!needed.has(copy)) this.#known.delete(file);
    for (const name of await readdir(this.#folder)) {
      const path = join(this.#folder, name);
      if (!needed.has(path)) await rm(path, { force: true });
    }
  }

  close(): void {
    process.off('exit', this.#remove);
    this.#remove();
  }

  async #copyOf(file: string): Promise<string> {
    const { ino, size, mtimeNs, ctimeNs } = await stat(file, { bigint: true }).catch(cannotRead(file));
    const look = [ino, size, mtimeNs, ctimeNs].join();
    const known = this.#known.get(file);
    // Who cleans /tmp by age may have taken the copy away.
    if (known?.look === look && (await isThere(known.copy, size))) return known.copy;
    const copy = await this.#write(file).catch(cannotWrite);
    this.#known.set(file, { look, copy });
    return copy;
  }

  /** In pieces, so that the gateway's thread stays free. */
  async #write(file: string): Promise<string> {
    const hash = createHash('sha256');
    const part = join(this.#folder, 'part');
    await writeFile(part, hashed(piecesOf(file), hash));
    const copy = join(this.#folder, `${hash.digest('hex')}.onnx`);
    if (this.#reader !== undefined) await letRead(part, this.#reader, 0o640);
    await rename(part, copy);
    return copy;
  }
}

async function* hashed(pieces: AsyncIterable<Uint8Array>, hash: Hash): AsyncIterable<Uint8Array> {
  for await (const piece of pieces) {
    hash.update(piece);
    yield piece;
  }
}

async function* piecesOf(file: string): AsyncIterable<Uint8Array> {
  const pieces = createReadStream(file, { highWaterMark: PIECE });
  try {
    yield* pieces;
  } catch (error) {
    cannotRead(file)(error as Error);
  }
}

/** Of the machine, whichever file it happens at: there are no more descriptors. */
const EXHAUSTED = ['EMFILE', 'ENFILE'];

/** @throws ConfigError naming the file, or what the machine lacks */
const cannotRead = (file: string) => (error: NodeJS.ErrnoException) => {
  if (EXHAUSTED.includes(error.code ?? '')) throw error;
  throw new ConfigError(file, '', `cannot be copied: ${error.code ?? String(error)}`);
};

/** @throws StartError naming the folder and the cause, where it is not known to be the file's */
function cannotWrite(error: NodeJS.ErrnoException): never {
  if (error instanceof ConfigError) throw error;
  throw new StartError(`no copies of the models can be written to ${tmpdir()} (TMPDIR): ${causeOf(error)}`);
}

function causeOf({ errno = 0, message }: NodeJS.ErrnoException): string {
  // Node has no name for it.
  if (errno === -constants.errno.EDQUOT) return 'EDQUOT, disk quota exceeded';
  return getSystemErrorMap().get(errno)?.join(', ') ?? message;
}

async function isThere(path: string, bytes: bigint): Promise<boolean> {
  const found = await stat(path, { bigint: true }).catch(() => undefined);
  return found?.size === bytes;
}

/** Through its group: the owner stays. */
async function letRead(path: string, { gid }: LaneUser, mode: number): Promise<void> {
  await chown(path, process.getuid!(), gid);
  await chmod(path, mode);
}
