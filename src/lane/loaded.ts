/** A cascade with its sessions: loaded and probed before a lane takes work. */

import { Tensor } from 'onnxruntime-node';
import type { Cascade, Rung } from '../cascade/cascade.js';
import { ConfigError } from '../errors.js';
import { type Features, type Row, StageSession, stack } from './session.js';

export interface LoadedCascade {
  readonly cascade: Cascade;
  /** By rung and stage; rungs of one graph share their sessions. */
  readonly sessions: readonly (readonly StageSession[])[];
}

/**
 * Loads every stage graph and runs each rung once on two grey pictures.
 * @throws ConfigError naming the file and what does not fit
 */
export async function loadSessions(cascade: Cascade, threads: number): Promise<LoadedCascade> {
  const known = new Map<string, Promise<StageSession>>();
  const sessions: StageSession[][] = [];
  for (const rung of cascade.rungs) {
    const stages: StageSession[] = [];
    for (const stage of rung.stages) {
      // One file may serve two stages, from which each takes another exit.
      const { file, inputs, features, logits } = stage;
      const key = JSON.stringify([file, inputs, features, logits]);
      const session = known.get(key) ?? StageSession.load(stage, threads);
      known.set(key, session);
      stages.push(await session);
    }
    sessions.push(stages);
  }
  for (const index of cascade.rungs.keys()) await probe({ cascade, sessions }, index);
  return { cascade, sessions };
}

/** Shapes and class counts must agree with the manifest. */
async function probe(loaded: LoadedCascade, index: number): Promise<void> {
  const { cascade } = loaded;
  const rung = cascade.rungs[index]!;
  const batch = 2;
  try {
    await walk(loaded, index, batch, (exit, logits) => {
      const wanted = [batch, cascade.labels.length];
      if (logits.type === 'float32' && String(logits.dims) === String(wanted)) return;
      const found = `[${logits.dims.join(', ')}] ${logits.type}`;
      const reason = `${rung.id} exit ${exit + 1} gives ${found}; ${cascade.labels.length} labels need [${wanted.join(', ')}] float32`;
      throw new ConfigError(rung.stages[exit]!.file, rung.stages[exit]!.logits, reason);
    });
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    const reason = `${rung.id} does not run: ${(error as Error).message.split('\n')[0]}`;
    throw new ConfigError(cascade.file, `rungs[${index}]`, reason);
  }
}

/** Runs a rung on grey pictures, stage by stage; `seen` is told what each stage was fed with and the logits of its exit. */
export async function walk(
  { cascade, sessions }: LoadedCascade,
  index: number,
  batch: number,
  seen: (exit: number, logits: Tensor, feeds: Features) => unknown,
): Promise<void> {
  const rung = cascade.rungs[index]!;
  const held = new Map([[cascade.input.tensor, greyPictures(cascade, rung, batch)]]);
  for (const [exit, session] of sessions[index]!.entries()) {
    const feeds = new Map(rung.stages[exit]!.inputs.map((name) => [name, held.get(name)!]));
    const out = await session.run(feeds);
    await seen(exit, out.logits, feeds);
    for (const [name, tensor] of out.features) held.set(name, tensor);
  }
}

function greyPictures(cascade: Cascade, rung: Rung, batch: number): Tensor {
  const pixels = new Uint8Array(rung.resolution ** 2 * 3).fill(128);
  const one = imageTensor(cascade, rung.resolution, pixels);
  return stack(Array.from({ length: batch }, (): Row => ({ tensor: one, index: 0 })));
}

/** Pixels [side, side, 3] uint8 as the first stage wants them, batch of one. */
export function imageTensor(cascade: Cascade, side: number, pixels: Uint8Array): Tensor {
  const { input } = cascade;
  if (input.layout === 'nhwc-uint8') return new Tensor('uint8', pixels, [1, side, side, 3]);
  const plane = side * side;
  const planes = new Float32Array(3 * plane);
  for (let i = 0; i < plane; i++) {
    for (let c = 0; c < 3; c++) planes[c * plane + i] = pixels[3 * i + c]! / input.scale;
  }
  return new Tensor('float32', planes, [1, 3, side, side]);
}
