/** Runs a graph once, for import and counting. Serving has its own sessions in lane/. */

import '../../no-telemetry.js';
import { InferenceSession, type Tensor } from 'onnxruntime-node';
import { ConfigError } from '../../errors.js';
import { exactBytes } from './exact-bytes.js';
import { encodeModel, type OnnxModel } from './model.js';
import { withOwnBytes } from './quantized.js';

/** Tensors by name. */
export type Tensors = Readonly<Record<string, Tensor>>;

/** A loaded graph; release it. */
export interface OpenGraph {
  run(feeds: Tensors): Promise<Tensors>;
  release(): Promise<void>;
}

/**
 * Loads a model into ONNX Runtime with one thread.
 * @param optimize 'disabled' keeps each tensor as the file has it; 'all' is what serving uses
 * @throws ConfigError when the runtime refuses the model; `run` throws it when the graph fails on its feeds
 */
export async function openGraph(model: OnnxModel, optimize: 'disabled' | 'all'): Promise<OpenGraph> {
  const refuse = (error: unknown): never => {
    throw new ConfigError(model.file, '', `ONNX Runtime: ${error instanceof Error ? error.message : String(error)}`);
  };
  const session = await InferenceSession.create(encodeModel(withOwnBytes(model)), {
    graphOptimizationLevel: optimize,
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    logSeverityLevel: 3,
    extra: { session: await exactBytes() },
  }).catch(refuse);
  return {
    run: (feeds) => session.run(feeds).catch(refuse),
    release: () => session.release(),
  };
}

/** Loads, runs once, releases: see {@link openGraph}. */
export async function runOnce(model: OnnxModel, feeds: Tensors): Promise<Tensors> {
  const graph = await openGraph(model, 'disabled');
  try {
    return await graph.run(feeds);
  } finally {
    await graph.release();
  }
}
