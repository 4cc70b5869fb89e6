/** The contestants: bare loops, Sluice by policy, peers. */

import { Child, LIKE_A_LANE } from './child.js';
import { type Contestant, measureLimit, measureServer, type Setting } from './contestant.js';
import type { GatewayProcess } from './gateway.js';
import type { LoadAnswer, LoadRequest } from './load.js';
import { machine } from './machine.js';
import type { PeerServer } from './peer-server.js';
import type { PhotoLimitAnswer, PhotoLimitRequest } from './photo-limit.js';

const LOOPS = 2;
const CONNECTIONS: readonly Setting[] = [8, 16, 32, 64].map((connections) => ({
  label: `${connections} connections`,
  connections,
}));
const BATCHES: readonly Setting[] = [1, 2, 4, 8].flatMap((batch) =>
  [false, true].map((ahead) => ({
    label: `batch ${batch}${ahead ? ', the next one decoded meanwhile' : ''}`,
    connections: 0,
    batch,
    ahead,
  })),
);

/** What all get. */
export interface Given {
  readonly cascade: string;
  readonly pictures: readonly Uint8Array[];
}

export async function limit({ cascade, pictures }: Given): Promise<Contestant> {
  const children = Array.from(
    { length: LOOPS },
    () => new Child<PhotoLimitRequest, PhotoLimitAnswer>('./photo-limit.ts', LIKE_A_LANE),
  );
  const stop = () => {
    for (const child of children) child[Symbol.dispose]();
  };
  const warm = { cascade, pictures, batch: 1, ahead: false, seconds: 0.1 };
  await Promise.all(children.map((child) => child.ask(warm))).catch((error: unknown) => {
    stop();
    throw error;
  });
  const { node, onnxruntime, sharp } = machine();
  return {
    name: 'limit',
    kind: 'limit',
    isReference: true,
    about: `${LOOPS} bare processes: the same decode and the same stages of the full route; no HTTP, no messages`,
    versions: { node, onnxruntime, sharp },
    settings: BATCHES,
    pids: () => children.map(({ pid }) => pid),
    measure: (setting, seconds) => measureLimit(children, cascade, setting, seconds),
    top1: async (pictures) => (await children[0]!.ask({ cascade, pictures, batch: 1, ahead: false, seconds: 0 })).top1,
    resume: () => {},
    pause: () => {},
    stop,
  };
}

/** @param flags with which the gateway was started */
export function sluice(gateway: GatewayProcess, flags: readonly string[], policy: string, given: Given): Contestant {
  const load = new Child<LoadRequest, LoadAnswer>('./load.ts');
  const path = `/v1/classify?cascade=${given.cascade}&policy=${policy}`;
  const served = { port: gateway.port, path, contentType: 'image/jpeg', bodies: given.pictures };
  const pids = () => [gateway.pid, ...gateway.lanePids];
  const { node, onnxruntime, sharp } = machine();
  return {
    name: `sluice ${policy}`,
    kind: 'sluice',
    isReference: policy === 'full',
    about: `\`sluice serve ${flags.join(' ')}\`, policy \`${policy}\``,
    versions: { node, onnxruntime, sharp },
    settings: CONNECTIONS,
    pids,
    measure: (setting, seconds) => measureServer(load, served, pids, setting, seconds),
    top1: (pictures) => askAll(pictures, async (picture) => topOf(await post(gateway.port, path, picture))),
    resume: () => {},
    pause: () => {},
    stop: () => load[Symbol.dispose](),
  };
}

export function peer(server: PeerServer, { pictures }: Given): Contestant {
  const load = new Child<LoadRequest, LoadAnswer>('./load.ts');
  const { form, name, about } = server.peer;
  const { path, contentType } = form;
  const served = { port: server.port, path, contentType, bodies: pictures.map((picture) => form.body(picture)) };
  const pids = () => server.pids;
  return {
    name,
    kind: 'peer',
    isReference: false,
    about,
    versions: server.versions,
    settings: CONNECTIONS,
    pids,
    measure: (setting, seconds) => measureServer(load, served, pids, setting, seconds),
    top1: (pictures) => askAll(pictures, (picture) => server.top1(picture)),
    resume: () => server.resume(),
    pause: () => server.pause(),
    stop: () => {
      load[Symbol.dispose]();
      server.stop();
    },
  };
}

/** Eight at a time, so that those who make batches make some. */
async function askAll(
  pictures: readonly Uint8Array[],
  ask: (picture: Uint8Array) => Promise<unknown>,
): Promise<number[]> {
  const top1 = pictures.map(() => -1);
  const queue = pictures.entries();
  const worker = async () => {
    for (const [at, picture] of queue) {
      const index = await ask(picture).catch(() => -1);
      top1[at] = Number.isInteger(index) ? (index as number) : -1;
    }
  };
  await Promise.all(Array.from({ length: 8 }, worker));
  return top1;
}

async function post(port: number, path: string, picture: Uint8Array): Promise<unknown> {
  const body = picture as Uint8Array<ArrayBuffer>;
  const response = await fetch(`http://127.0.0.1:${port}${path}`, { method: 'POST', body });
  if (!response.ok) throw new Error(`answered ${response.status}`);
  return response.json();
}

function topOf(answer: unknown): unknown {
  return (answer as { predictions: { index: number }[] }).predictions[0]?.index;
}
