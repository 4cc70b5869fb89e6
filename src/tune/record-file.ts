/**
 * A record on disk: JSON lines, the first about the cascade, each further one what all its exits said of one picture. A picture is known by
 * its bytes and not by its name, so that folders may move, grow and overlap; a run that was interrupted goes on where it stopped.
 */

import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream, type WriteStream } from 'node:fs';
import { mkdir, stat, truncate, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import { finished } from 'node:stream/promises';
import { z } from 'zod';
import { ConfigError } from '../errors.js';

const FORMAT = 2;
/** Classes that an exit lists of a picture. */
export const LISTED = 16;

const header = z.strictObject({
  sluice_record: z.literal(FORMAT),
  cascade: z.string(),
  /** Version of the cascade (cascade/version): of all that decides what its exits say. */
  models: z.string(),
  classes: z.int().positive(),
  /** By rung, by exit: from the picture to this exit, within its rung. */
  rungs: z.array(
    z.strictObject({ id: z.string(), macs: z.array(z.number().positive()), ms: z.array(z.number().min(0)) }),
  ),
});

/**
 * Guess, probability, margin, entropy, what the full network holds to be the probability of the guess, and the most probable classes with
 * their probabilities, in turns.
 */
const said = z.tuple([z.int().min(0), z.number(), z.number(), z.number(), z.number(), z.array(z.number())]);

const line = z.strictObject({
  picture: z.string(),
  content: z.tuple([z.number(), z.number(), z.number(), z.number()]).readonly(),
  /** By rung, by exit. */
  said: z.array(z.array(said)),
});

export type RecordHeader = Omit<z.output<typeof header>, 'sluice_record'>;
export type RecordLine = z.output<typeof line>;

/** What a picture is known by. */
export function pictureDigest(image: Uint8Array): string {
  return createHash('sha256').update(image).digest('hex').slice(0, 32);
}

/** An open record; lines are added while it is measured. */
export class RecordFile {
  /** By {@link pictureDigest}. */
  readonly known: ReadonlyMap<string, RecordLine>;
  /** Undefined where there was no record of these models yet. */
  readonly header: RecordHeader | undefined;
  readonly #file: string;
  #out: WriteStream | undefined;
  /** Why what was added is not there. */
  #failure: NodeJS.ErrnoException | undefined;

  private constructor(file: string, header: RecordHeader | undefined, known: ReadonlyMap<string, RecordLine>) {
    this.#file = file;
    this.header = header;
    this.known = known;
  }

  /**
   * A record of other models, or of an earlier format, counts as none.
   * @throws ConfigError for a file that is no record: it is not written over
   */
  static async open(file: string, cascade: string, models: string): Promise<RecordFile> {
    const size = await sizeOf(file);
    if (size === undefined || size === 0) return new RecordFile(file, undefined, new Map());
    let head: RecordHeader | undefined;
    const known = new Map<string, RecordLine>();
    let number = 0;
    const take = (text: string) => {
      number++;
      if (head === undefined) {
        if (isOlder(text)) return false;
        const { sluice_record: _, ...rest } = parseLine(header, text, file, number);
        head = rest;
      } else {
        const read = parseLine(line, text, file, number);
        known.set(read.picture, read);
      }
      return head.models === models && head.cascade === cascade;
    };
    let offset = 0;
    let pending: string | undefined;
    for await (const text of createInterface({ input: createReadStream(file), crlfDelay: Number.POSITIVE_INFINITY })) {
      if (pending !== undefined && !take(pending)) return new RecordFile(file, undefined, new Map());
      pending = text;
      offset += Buffer.byteLength(text) + 1;
    }
    if (pending !== undefined && offset === size) {
      if (!take(pending)) return new RecordFile(file, undefined, new Map());
    } else if (pending !== undefined) {
      // Its writer was interrupted within this line. Of the first line that is all there is: is it one of ours?
      if (head === undefined && !pending.startsWith('{"sluice_record"'.slice(0, pending.length)))
        parseLine(header, pending, file, 1);
      await truncate(file, offset - 1 - Buffer.byteLength(pending));
    }
    return new RecordFile(file, head, known);
  }

  /** Starts a record; what the file held is gone. */
  async begin(head: RecordHeader): Promise<void> {
    const failed = (error: NodeJS.ErrnoException) => {
      throw unwritable(this.#file, error);
    };
    await mkdir(dirname(this.#file), { recursive: true }).catch(failed);
    await writeFile(this.#file, `${JSON.stringify({ sluice_record: FORMAT, ...head })}\n`).catch(failed);
  }

  /** @throws ConfigError when what was added before could not be written */
  add(entry: RecordLine): void {
    if (this.#failure !== undefined) throw unwritable(this.#file, this.#failure);
    this.#out ??= createWriteStream(this.#file, { flags: 'a' }).on('error', (error) => {
      this.#failure = error;
    });
    this.#out.write(`${JSON.stringify(entry)}\n`);
  }

  /** Waits for what was added. @throws ConfigError when it could not be written */
  async close(): Promise<void> {
    const out = this.#out;
    this.#out = undefined;
    const failed = (error: NodeJS.ErrnoException) => {
      throw unwritable(this.#file, error);
    };
    if (this.#failure !== undefined) failed(this.#failure);
    if (out !== undefined) await finished(out.end()).catch(failed);
  }
}

function unwritable(file: string, { code }: NodeJS.ErrnoException): ConfigError {
  return new ConfigError(file, '', `the record cannot be written: ${code}; allowed: --no-record`);
}

async function sizeOf(file: string): Promise<number | undefined> {
  const found = await stat(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw new ConfigError(file, '', `the record cannot be read: ${error.code}`);
  });
  if (found !== undefined && !found.isFile())
    throw new ConfigError(file, '', 'found no file; allowed: a record of tune');
  return found?.size;
}

function isOlder(text: string): boolean {
  const format = /^\{"sluice_record":(\d+)[,}]/.exec(text)?.[1];
  return format !== undefined && Number(format) < FORMAT;
}

function parseLine<T>(schema: z.ZodType<T>, text: string, file: string, number: number): T {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new ConfigError(
    file,
    `line ${number}`,
    `found "${text.slice(0, 40)}"; allowed: a line of a record of sluice tune`,
  );
}
