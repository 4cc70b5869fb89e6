/** A cascade with its sessions, and the measuring of its stages: what a lane does before it takes work. */

import { Tensor } from 'onnxruntime-node';
import type { Cascade, CascadeFacts, Rung, StageFacts } from '../cascade/cascade.js';
import { countFileMacs } from '../cascade/onnx/macs.js';
import { ConfigError } from '../errors.js';
import { type Row, StageSession, stack } from './session.js';

export interface LoadedCascade {
  readonly cascade: Cascade;
  /** By rung and stage; rungs of one graph share their sessions. */
  readonly sessions: readonly (readonly StageSession[])[];
  /** Multiply-accumulates of one picture, by rung and stage. */
  readonly macs: readonly (readonly number[])[];
}

/**
 * Loads every stage graph, runs each rung once on two grey pictures and counts its MACs.
 * @throws ConfigError naming the file and what does not fit
 */
export async function loadSessions(cascade: Cascade, threads: number): Promise<LoadedCascade> {
  const byFile = new Map<string, Promise<StageSession>>();
  const sessions: StageSession[][] = [];
  for (const rung of cascade.rungs) {
    const stages: StageSession[] = [];
    for (const stage of rung.stages) {
      let session = byFile.get(stage.file);
      if (session === undefined) {
        session = StageSession.load(stage, threads);
        byFile.set(stage.file, session);
      }
      stages.push(await session);
    }
    sessions.push(stages);
  }
  const macs: number[][] = [];
  for (const [index, rung] of cascade.rungs.entries()) {
    await probe({ cascade, sessions }, index);
    macs.push(await countFileMacs(rung.stages, rung.resolution));
  }
  return { cascade, sessions, macs };
}

/** What can run: a cascade and its sessions. */
type Runnable = Pick<LoadedCascade, 'cascade' | 'sessions'>;

/** Shapes and class counts must agree with the manifest. */
async function probe(loaded: Runnable, index: number): Promise<void> {
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

/** Runs a rung from the picture through its first `stages` stages; `seen` is told of each exit's logits and the milliseconds of its run. */
async function walk(
  loaded: Runnable,
  index: number,
  batch: number,
  seen: (exit: number, logits: Tensor, ms: number) => void,
  stages = Number.POSITIVE_INFINITY,
): Promise<void> {
  const { cascade, sessions } = loaded;
  const rung = cascade.rungs[index]!;
  const held = new Map([[cascade.input.tensor, greyPictures(cascade, rung, batch)]]);
  for (const [exit, session] of sessions[index]!.slice(0, stages).entries()) {
    const feeds = new Map(rung.stages[exit]!.inputs.map((name) => [name, held.get(name)!]));
    const from = performance.now();
    const out = await session.run(feeds);
    seen(exit, out.logits, performance.now() - from);
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

const BATCHES = [2, 4, 8, 16, 32];
/** A longer run would keep the lane from hearing of new work, of deadlines and of callers who left. */
const LONGEST_RUN_MS = 25;
/** The largest batch that is nearly as good as the best one is taken: each run has costs around it that are not measured here. */
const NEARLY = 1.05;

/** Finds the batch size with the best throughput for each stage, and how long one picture takes. */
export async function measure(loaded: LoadedCascade): Promise<CascadeFacts> {
  const facts: StageFacts[][] = [];
  for (const [index, rung] of loaded.cascade.rungs.entries()) {
    const macs = loaded.macs[index]!;
    const singles = await fastest(loaded, index, 1);
    const tried = singles.map((ms) => [{ batch: 1, perPicture: ms }]);
    const open = new Set(rung.stages.keys());
    for (const batch of BATCHES) {
      // What would take too long is not run at all: at large sides it is seconds of the start, and memory that the runtime keeps.
      for (const stage of open) if (tried[stage]!.at(-1)!.perPicture * batch > LONGEST_RUN_MS) open.delete(stage);
      if (open.size === 0) break;
      const ms = await fastest(loaded, index, batch, Math.max(...open) + 1);
      for (const stage of open) {
        if (ms[stage]! > LONGEST_RUN_MS) open.delete(stage);
        else tried[stage]!.push({ batch, perPicture: ms[stage]! / batch });
      }
    }
    facts.push(singles.map((ms, stage) => ({ macs: macs[stage]!, batch: largestGood(tried[stage]!), ms })));
  }
  return facts;
}

function largestGood(tried: readonly { readonly batch: number; readonly perPicture: number }[]): number {
  const best = Math.min(...tried.map(({ perPicture }) => perPicture));
  return tried.findLast(({ perPicture }) => perPicture <= best * NEARLY)!.batch;
}

/** The shortest of a few runs, per stage: noise only ever adds time. */
async function fastest(loaded: LoadedCascade, index: number, batch: number, stages?: number): Promise<number[]> {
  const best: number[] = [];
  for (let repeat = 0; repeat < 3; repeat++) {
    const seen = (exit: number, _logits: Tensor, ms: number) => {
      best[exit] = Math.min(best[exit] ?? Number.POSITIVE_INFINITY, ms);
    };
    await walk(loaded, index, batch, seen, stages);
  }
  return best;
}
