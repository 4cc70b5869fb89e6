/**
 * Takes a profile from a running gateway: the way and the decode of each picture from its answers, one at a time; the work of gateway
 * and lanes from their processor time; and stage times by batch from a process like a lane. None of it is a latency under load, which
 * is what the simulation is to predict.
 */

import sharp from 'sharp';
import { LARGEST_SIDE } from '../../src/lane/plain-jpeg.js';
import { Asker, type Step } from '../support/asker.js';
import { Child, LIKE_A_LANE } from '../support/child.js';
import { type GatewayProcess, ROOT } from '../support/gateway.js';
import type { LoadAnswer, LoadRequest } from '../support/load.js';
import { cpuSeconds, machine } from '../support/machine.js';
import { memoryOf } from '../support/memory.js';
import { type Saturated, Saturation } from '../support/saturation.js';
import { spread } from '../support/stats.js';
import { type Profile, type ProfilePicture, workOf } from './profile.js';
import type { StageTimesAnswer, StageTimesRequest } from './stage-times.js';

const STAGE_REPEATS = 15;
const DECODE_REPEATS = 3;
const CONNECTIONS_A_LANE = 16;

export interface Subject {
  readonly gateway: GatewayProcess;
  readonly cascade: string;
  readonly policy: string;
  readonly pictures: readonly Uint8Array[];
  readonly seconds: number;
}

export interface Measured {
  readonly profile: Profile;
  /** Closed-loop, with all lanes full. */
  readonly saturated: Saturated;
  readonly connections: number;
}

interface ServedRung {
  readonly id: string;
  readonly exits: readonly { readonly batch: number }[];
}

export async function measureProfile(subject: Subject): Promise<Measured> {
  const { gateway, cascade, policy, pictures, seconds } = subject;
  const connections = CONNECTIONS_A_LANE * gateway.lanePids.length;
  using load = new Child<LoadRequest, LoadAnswer>('./load.ts');
  const saturation = new Saturation(load, pictures, cascade);
  await saturation.run(gateway, policy, connections, seconds / 2);
  const saturated = await saturation.run(gateway, policy, connections, seconds);
  const served = await gateway.get<{ rungs: ServedRung[] }>(`/v1/cascades/${cascade}`);
  const single = await oneByOne(subject);
  const idOf = ({ backbone, width, resolution }: Step) => `${backbone}/${width}@${resolution}`;
  const visited = new Set(single.pictures.flatMap(({ steps }) => steps.map(idOf)));
  // In the cascade's order, which is that of the lane's queues.
  const rungs = served.rungs.flatMap((rung, index) => (visited.has(rung.id) ? [{ ...rung, index }] : []));
  const { times, contention } = await stageTimes(cascade, rungs);
  const measured: ProfilePicture[] = single.pictures.map(({ image, decodeMs, inline, steps }) => ({
    bytes: image.length,
    decodeMs,
    inline,
    path: steps.map((step) => ({ rung: rungs.findIndex(({ id }) => id === idOf(step)), stage: step.exit - 1 })),
  }));
  const bare: Profile = {
    cascade,
    policy,
    rungs: rungs.map(({ id, exits }, at) => ({
      id,
      stages: exits.map(({ batch }, exit) => ({
        batch,
        ms: times[at]![exit]!.map(([size, ms]) => [size, ms]),
      })),
    })),
    pictures: measured,
    gatewayMs: saturated.cpu.gateway,
    laneMs: 0,
    contention,
    memoryMb: {
      gateway: memoryOf(gateway.pid).proportionalMb,
      lane: spread(gateway.lanePids.map((pid) => memoryOf(pid).proportionalMb)).median,
    },
  };
  // Alone every run has one picture, so what decoding and runs took of the lanes is known.
  const { decode, runs } = workOf({ ...bare, rungs: bare.rungs.map(ofOnePicture) });
  return { profile: { ...bare, laneMs: Math.max(0, single.laneCpuMs - decode - runs) }, saturated, connections };
}

function ofOnePicture(rung: Profile['rungs'][number]): Profile['rungs'][number] {
  return { ...rung, stages: rung.stages.map((stage) => ({ ...stage, batch: 1 })) };
}

/** Each picture alone: its way with `explain`, then its times without. */
async function oneByOne({ gateway, cascade, policy, pictures }: Subject) {
  using asker = new Asker(gateway.port);
  const path = `/v1/classify?cascade=${cascade}&policy=${policy}`;
  const ways: (readonly Step[])[] = [];
  for (const image of pictures) ways.push((await asker.ask(`${path}&explain=true`, image)).answer.route.steps!);
  const cpu = () => gateway.lanePids.reduce((sum, pid) => sum + cpuSeconds(pid), 0);
  const before = cpu();
  const decodes: number[][] = pictures.map(() => []);
  for (let repeat = 0; repeat < DECODE_REPEATS; repeat++)
    for (const [at, image] of pictures.entries())
      decodes[at]!.push((await asker.ask(path, image)).answer.cost.decode_ms);
  const laneCpuMs = ((cpu() - before) * 1000) / (DECODE_REPEATS * pictures.length);
  const all = pictures.map(async (image, at) => {
    const { format, width = 0, height = 0 } = await sharp(image).metadata();
    const inline = format === 'jpeg' && Math.max(width, height) <= LARGEST_SIDE;
    return { image, inline, steps: ways[at]!, decodeMs: spread(decodes[at]!).median };
  });
  return { laneCpuMs, pictures: await Promise.all(all) };
}

/** Alone, and once more in as many processes as there are cores: what a busy neighbour costs a run. */
async function stageTimes(
  cascade: string,
  rungs: readonly (ServedRung & { readonly index: number })[],
): Promise<{ readonly times: StageTimesAnswer; readonly contention: number }> {
  const request: StageTimesRequest = {
    models: `${ROOT}models`,
    cascade,
    rungs: rungs.map(({ index, exits }) => ({ rung: index, batches: exits.map(({ batch }) => batch) })),
    repeats: STAGE_REPEATS,
  };
  const entry = '../simulate/stage-times.ts';
  const processes = Array.from(
    { length: machine().cores },
    () => new Child<StageTimesRequest, StageTimesAnswer>(entry, LIKE_A_LANE),
  );
  try {
    // Loads and warms up all of them.
    await Promise.all(processes.map((each) => each.ask({ ...request, repeats: 1 })));
    const alone = await processes[0]!.ask(request);
    const together = await Promise.all(processes.map((each) => each.ask(request)));
    const flat = (answer: StageTimesAnswer) => answer.flat(2).map(([, ms]) => ms);
    const ratios = together.flatMap((answer) => flat(answer).map((ms, at) => ms / flat(alone)[at]!));
    return { times: alone, contention: Math.max(1, spread(ratios).median) };
  } finally {
    for (const each of processes) each[Symbol.dispose]();
  }
}
