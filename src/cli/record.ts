/** Runs every rung and exit once over pictures, through the lanes that serve, and keeps what they said on disk. */

import { homedir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import type { Cascade } from '../cascade/cascade.js';
import { loadRepository } from '../cascade/loader.js';
import { versionOf } from '../cascade/version.js';
import type { Gateway } from '../gateway/gateway.js';
import type { JobAnswer } from '../lane/messages.js';
import type { NamedPolicy } from '../policy/loader.js';
import { PolicyFile } from '../policy/schema.js';
import { random, type TuneRecord } from '../tune/record.js';
import { LISTED, pictureDigest, RecordFile, type RecordHeader, type RecordLine } from '../tune/record-file.js';
import { UsageError } from './fail.js';
import { type AnyPicture, eachPicture, listAnyPictures, picturesInFlight } from './labelled.js';
import { openGateway } from './open.js';
import type { GatewayFlags } from './options.js';
import { recordOf } from './recorded.js';

/** Walks every rung to its last exit, so that all of them speak of every picture. No file can have this name. */
const EVERY_EXIT = 'every/exit';

export interface RecordFlags extends GatewayFlags {
  readonly cascade: string;
  readonly limit?: number;
  /** File of the record; false: none is kept; default: {@link cachedRecord}. */
  readonly record?: string | false;
}

/** Where records are kept unless a file is named: one a cascade and state of its models. */
export function cachedRecord(cascade: string, models: string): string {
  const cache = process.env.XDG_CACHE_HOME;
  const folder = cache === undefined || cache === '' ? join(homedir(), '.cache') : cache;
  return join(folder, 'sluice', `${cascade}-${models}.record.jsonl`);
}

/** Pictures that cannot be answered are named on stderr, counted, and left out. */
export async function recordPictures(
  flags: RecordFlags,
  data: string,
): Promise<{ readonly record: TuneRecord; readonly failed: number }> {
  const cascade = await cascadeOf(flags);
  const pictures = shuffled(await listAnyPictures(data, cascade, flags.limit));
  const models = await versionOf(cascade);
  const kept =
    flags.record === false
      ? undefined
      : await RecordFile.open(flags.record ?? cachedRecord(cascade.name, models), cascade.name, models);
  const lines: (RecordLine | undefined)[] = pictures.map(() => undefined);
  const missing = await unknownOf(pictures, kept, lines, picturesInFlight(flags.lanes));
  let header = kept?.header;
  if (missing.length > 0 || header === undefined) {
    await using network = await Network.start(flags, cascade);
    if (header === undefined) {
      header = network.header(models);
      await kept?.begin(header);
    }
    const left = missing.map((index) => pictures[index]!);
    try {
      await eachPicture(left, picturesInFlight(flags.lanes), async (image, _label, index) => {
        const line = await network.ask(image);
        kept?.add(line);
        lines[missing[index]!] = line;
      });
    } finally {
      await kept?.close();
    }
  }
  const failed = lines.filter((line) => line === undefined).length;
  return { record: recordOf(cascade.name, header, pictures, lines), failed };
}

async function cascadeOf({ models, cascade }: RecordFlags): Promise<Cascade> {
  const { cascades, broken } = await loadRepository(models);
  const found = cascades.find(({ name }) => name === cascade);
  if (found !== undefined) return found;
  const own = broken.find(({ file }) => basename(dirname(file)) === cascade);
  if (own !== undefined) throw own;
  throw new UsageError(`no cascade "${cascade}"; there are: ${cascades.map(({ name }) => name).join(', ')}`);
}

/** Fills in the lines that the record has. @returns the indices of the other pictures; those that cannot be read are named */
async function unknownOf(
  pictures: readonly AnyPicture[],
  kept: RecordFile | undefined,
  lines: (RecordLine | undefined)[],
  inFlight: number,
): Promise<number[]> {
  if (kept === undefined || kept.known.size === 0) return [...pictures.keys()];
  const missing: number[] = [];
  await eachPicture(pictures, inFlight, async (image, _label, index) => {
    lines[index] = kept.known.get(pictureDigest(image));
    if (lines[index] === undefined) missing.push(index);
  });
  return missing;
}

/** The lanes, with a policy that asks all. */
class Network implements AsyncDisposable {
  readonly #cascade: Cascade;
  readonly #gateway: Gateway;

  private constructor(cascade: Cascade, gateway: Gateway) {
    this.#cascade = cascade;
    this.#gateway = gateway;
  }

  static async start(flags: RecordFlags, cascade: Cascade): Promise<Network> {
    const options = { ...flags, queue: 2 * picturesInFlight(flags.lanes), policy: 'full' };
    const gateway = await openGateway(options, [everyExit(cascade)]);
    try {
      await gateway.start();
      // A cascade that its lanes could not load is told here.
      gateway.service(cascade.name, 'full');
    } catch (error) {
      await gateway.close();
      throw error;
    }
    return new Network(cascade, gateway);
  }

  header(models: string): RecordHeader {
    const facts = this.#gateway.facts(this.#cascade.name);
    const sums = (values: readonly number[]) => values.map((_, k) => values.slice(0, k + 1).reduce((a, b) => a + b));
    return {
      cascade: this.#cascade.name,
      models,
      classes: this.#cascade.labels.length,
      rungs: this.#cascade.rungs.map(({ id }, rung) => ({
        id,
        macs: sums(facts[rung]!.map(({ macs }) => macs)),
        ms: sums(facts[rung]!.map(({ ms }) => ms)).map((ms) => Number(ms.toPrecision(6))),
      })),
    };
  }

  async ask(image: Uint8Array): Promise<RecordLine> {
    const { name, labels } = this.#cascade;
    // The last exit of the walk is the full network: all its probabilities are wanted.
    const request = {
      image,
      cascade: name,
      policy: EVERY_EXIT,
      top: labels.length,
      explain: true,
      stepTop: LISTED,
    };
    const { answer } = await this.#gateway.classify({ ...request, deadlineAt: Number.POSITIVE_INFINITY });
    return lineOf(pictureDigest(image), this.#cascade, answer);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#gateway.close();
  }
}

/** Each side is decoded by itself (reach 0), as a policy of that rung alone would have it. */
function everyExit(cascade: Cascade): NamedPolicy {
  const route = cascade.rungs.map(({ id, stages }) => ({ rung: id, thresholds: stages.map(() => null), reach: 0 }));
  return {
    name: EVERY_EXIT,
    file: 'built in',
    version: 'built-in',
    policy: PolicyFile.parse({ kind: 'threshold', cascades: { [cascade.name]: { route } } }),
  };
}

function lineOf(picture: string, { rungs }: Cascade, answer: JobAnswer): RecordLine {
  const believed = new Map(answer.top.map(({ index, probability }) => [index, probability]));
  // Nine digits give back a float32 as it was; what was computed from those keeps all of its own.
  const belief = (guess: number) => Number(believed.get(guess)!.toPrecision(9));
  const said: RecordLine['said'] = rungs.map(() => []);
  for (const { rung, exit, guess, probability, margin, entropy, top } of answer.steps!) {
    const listed = top!.flatMap((each) => [each.index, Number(each.probability.toPrecision(6))]);
    said[rung]![exit - 1] = [guess, Number(probability.toPrecision(9)), margin, entropy, belief(guess), listed];
  }
  return { picture, content: answer.content!, said };
}

/** Classes evenly mixed and within a class in no order, the same every time: any part of the row is like the whole. */
function shuffled<Picture extends AnyPicture>(pictures: readonly Picture[]): Picture[] {
  const draw = random(1);
  const classes = new Map<number | undefined, Picture[]>();
  for (const picture of pictures) {
    const same = classes.get(picture.label);
    if (same === undefined) classes.set(picture.label, [picture]);
    else same.push(picture);
  }
  const placed = [...classes.values()].flatMap((all) => {
    const drawn = all.map((picture) => ({ picture, at: draw() })).sort((a, b) => a.at - b.at);
    return drawn.map(({ picture }, i) => ({ picture, at: (i + draw()) / all.length }));
  });
  return placed.sort((a, b) => a.at - b.at).map(({ picture }) => picture);
}
