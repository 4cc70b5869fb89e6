/** Runs every rung and exit once over labelled pictures, through the lanes that serve. */

import type { Cascade } from '../cascade/cascade.js';
import type { Gateway } from '../gateway/gateway.js';
import type { JobAnswer } from '../lane/messages.js';
import type { NamedPolicy } from '../policy/loader.js';
import { PolicyFile } from '../policy/schema.js';
import type { TuneRecord } from '../tune/record.js';
import { eachPicture, type LabelledPicture, listPictures, picturesInFlight } from './labelled.js';
import { openGateway } from './open.js';
import type { GatewayFlags } from './options.js';

/** Walks every rung to its last exit, so that all of them speak of every picture. No file can have this name. */
const everyExitOf = (cascade: string) => `every/exit/of/${cascade}`;

export interface RecordFlags extends GatewayFlags {
  readonly cascade: string;
  readonly data: string;
  readonly limit?: number;
}

/** Pictures that cannot be answered are named on stderr, counted, and left out. */
export async function recordPictures(flags: RecordFlags): Promise<{ record: TuneRecord; failed: number }> {
  const broken = (error: Error) => process.stderr.write(`sluice: left out: ${error.message}\n`);
  const inFlight = picturesInFlight(flags.lanes);
  const options = { ...flags, queue: 2 * inFlight, policy: 'full' };
  const gateway = await openGateway(options, { broken }, (cascades) => cascades.map(everyExit));
  try {
    await gateway.start();
    // An unknown name is told before the folder is read.
    gateway.service(flags.cascade, 'full');
    const cascade = gateway.cascades.find(({ name }) => name === flags.cascade)!;
    const pictures = shuffled(await listPictures(flags.data, cascade, flags.limit));
    const answers = await answersTo(gateway, cascade, pictures, inFlight);
    const failed = answers.filter((answer) => answer === undefined).length;
    return { record: recordOf(gateway, cascade, pictures, answers), failed };
  } finally {
    await gateway.close();
  }
}

/** Each side is decoded by itself (reach 0), as a policy of that rung alone would have it. */
function everyExit(cascade: Cascade): NamedPolicy {
  const route = cascade.rungs.map(({ id, stages }) => ({ rung: id, thresholds: stages.map(() => null), reach: 0 }));
  return {
    name: everyExitOf(cascade.name),
    file: 'built in',
    version: 'built-in',
    policy: PolicyFile.parse({ kind: 'threshold', cascades: { [cascade.name]: { route } } }),
  };
}

/** One picture of each class after the other, the same every time: the first half of them is half of every class. */
function shuffled(pictures: readonly LabelledPicture[]): LabelledPicture[] {
  const seen = new Map<number, number>();
  const turn = pictures.map(({ label }) => {
    const count = seen.get(label) ?? 0;
    seen.set(label, count + 1);
    return count;
  });
  return [...pictures.keys()].sort((a, b) => turn[a]! - turn[b]!).map((i) => pictures[i]!);
}

async function answersTo(
  gateway: Gateway,
  cascade: Cascade,
  pictures: readonly LabelledPicture[],
  inFlight: number,
): Promise<(JobAnswer | undefined)[]> {
  const answers: (JobAnswer | undefined)[] = pictures.map(() => undefined);
  // The last exit of the walk is the full network: all its probabilities are wanted.
  const top = cascade.labels.length;
  await eachPicture(pictures, inFlight, async (image, _label, index) => {
    const request = { image, cascade: cascade.name, policy: everyExitOf(cascade.name), top, explain: true };
    answers[index] = (await gateway.classify({ ...request, deadlineAt: Number.POSITIVE_INFINITY })).answer;
  });
  return answers;
}

function recordOf(
  gateway: Gateway,
  cascade: Cascade,
  pictures: readonly LabelledPicture[],
  answers: readonly (JobAnswer | undefined)[],
): TuneRecord {
  const facts = gateway.facts(cascade.name);
  const known = answers.flatMap((answer, i) => (answer === undefined ? [] : [{ answer, label: pictures[i]!.label }]));
  const rungs = cascade.rungs.map(({ id, stages }, rung) => {
    let macs = 0;
    const exits = stages.map((_, exit) => {
      macs += facts[rung]![exit]!.macs;
      const [score, belief] = [new Float32Array(known.length), new Float32Array(known.length)];
      return { macs, score, belief, guess: new Int32Array(known.length) };
    });
    return { id, exits };
  });
  for (const [i, { answer }] of known.entries()) {
    const believed = new Map(answer.top.map(({ index, probability }) => [index, probability]));
    for (const { rung, exit, score, guess } of answer.steps!) {
      const at = rungs[rung]!.exits[exit - 1]!;
      at.score[i] = score;
      at.guess[i] = guess;
      at.belief[i] = believed.get(guess)!;
    }
  }
  return {
    cascade: cascade.name,
    rungs,
    labels: Int32Array.from(known, ({ label }) => label),
    content: known.map(({ answer }) => answer.content!),
  };
}
