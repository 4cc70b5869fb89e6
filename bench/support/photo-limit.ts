/**
 * Process: a bare loop over pictures as they come from a camera: the very decode of a lane, then ONNX Runtime over the stage graphs of
 * the last rung. No HTTP, no messages between processes, no queues: what nothing around them can beat.
 */

import '../../src/no-telemetry.js';
import type { InferenceSession, Tensor } from 'onnxruntime-node';
import type { Cascade } from '../../src/cascade/cascade.js';
import { loadCascade } from '../../src/cascade/loader.js';
import { decode } from '../../src/lane/decode.js';
import { imageTensor } from '../../src/lane/loaded.js';
import { rowData, stack } from '../../src/lane/session.js';
import { bareSession } from './bare-session.js';
import { serve } from './child.js';
import { ROOT } from './gateway.js';

export interface PhotoLimitRequest {
  readonly cascade: string;
  /** Encoded, taken in turn; left out: those of the request before. */
  readonly pictures?: readonly Uint8Array[];
  /** Pictures a run. */
  readonly batch: number;
  /** Whether the next batch is decoded while this one runs. */
  readonly ahead: boolean;
  /** 0: each picture once, to tell what it shows. */
  readonly seconds: number;
}

export interface PhotoLimitAnswer {
  readonly images: number;
  readonly seconds: number;
  /** Milliseconds of a batch, from its first encoded byte to its logits. */
  readonly p50: number;
  /** Index of the most probable class, by picture; empty where time was measured. */
  readonly top1: readonly number[];
}

const MAX_PIXELS = 100e6;
let pictures: readonly Uint8Array[] = [];
let loaded: Promise<Bare> | undefined;

serve(async (request: PhotoLimitRequest): Promise<PhotoLimitAnswer> => {
  pictures = request.pictures ?? pictures;
  loaded ??= load(request.cascade);
  const bare = await loaded;
  return request.seconds === 0 ? { images: 0, seconds: 0, p50: 0, top1: await lookAtAll(bare) } : loop(bare, request);
});

interface Bare {
  readonly cascade: Cascade;
  readonly sessions: readonly InferenceSession[];
}

async function load(name: string): Promise<Bare> {
  const cascade = await loadCascade(`${ROOT}models/${name}/cascade.yaml`, name);
  const files = cascade.rungs.at(-1)!.stages.map(({ file }) => file);
  return { cascade, sessions: await Promise.all(files.map(bareSession)) };
}

async function loop(bare: Bare, { batch, ahead, seconds }: PhotoLimitRequest): Promise<PhotoLimitAnswer> {
  const millis: number[] = [];
  let next = 0;
  const decoded = () =>
    decodeAll(
      bare.cascade,
      Array.from({ length: batch }, () => pictures[next++ % pictures.length]!),
    );
  let coming = ahead ? decoded() : undefined;
  // A batch that is decoded ahead of the first run stands for the one that is not run after the last.
  await coming;
  const from = performance.now();
  const until = from + seconds * 1000;
  while (performance.now() < until) {
    const started = performance.now();
    const image = await (coming ?? decoded());
    if (ahead) coming = decoded();
    await run(bare, image);
    millis.push(performance.now() - started);
  }
  const tookMs = performance.now() - from;
  await coming;
  millis.sort((a, b) => a - b);
  const p50 = millis[Math.floor(millis.length / 2)] ?? Number.NaN;
  return { images: batch * millis.length, seconds: tookMs / 1000, p50, top1: [] };
}

async function lookAtAll(bare: Bare): Promise<number[]> {
  const top1: number[] = [];
  for (const picture of pictures) {
    const logits = await run(bare, await decodeAll(bare.cascade, [picture]));
    const row = rowData({ tensor: logits, index: 0 });
    top1.push(row.indexOf(Math.max(...row)));
  }
  return top1;
}

async function decodeAll(cascade: Cascade, images: readonly Uint8Array[]): Promise<Tensor> {
  const { resolution } = cascade.rungs.at(-1)!;
  const target = { resolution, kernel: cascade.input.kernel, maxPixels: MAX_PIXELS };
  const pixels = await Promise.all(images.map((image) => decode(image, target)));
  return stack(pixels.map((each) => ({ tensor: imageTensor(cascade, resolution, each), index: 0 })));
}

/** @returns logits of the last exit */
async function run({ cascade, sessions }: Bare, image: Tensor): Promise<Tensor> {
  const held: Record<string, Tensor> = { [cascade.input.tensor]: image };
  const { stages } = cascade.rungs.at(-1)!;
  for (const [at, { inputs, logits, features }] of stages.entries()) {
    const feeds = Object.fromEntries(inputs.map((name) => [name, held[name]!]));
    const out = await sessions[at]!.run(feeds, [logits, ...features]);
    if (at === stages.length - 1) return out[logits]!;
    Object.assign(held, out);
  }
  throw new Error('a rung without stages');
}
