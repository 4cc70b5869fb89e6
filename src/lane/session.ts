/** One stage graph in ONNX Runtime. */

import '../no-telemetry.js';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import type { Stage } from '../cascade/cascade.js';
import { exactBytes } from '../cascade/onnx/exact-bytes.js';
import { ConfigError } from '../errors.js';

export type Features = ReadonlyMap<string, Tensor>;

export interface StageOutput {
  /** [n, classes] float32. */
  readonly logits: Tensor;
  readonly features: Features;
}

export class StageSession {
  readonly #session: InferenceSession;
  readonly #stage: Stage;
  readonly #fetches: string[];

  private constructor(session: InferenceSession, stage: Stage) {
    this.#session = session;
    this.#stage = stage;
    this.#fetches = [stage.logits, ...stage.features];
  }

  /** @throws ConfigError when the file is no graph that ONNX Runtime takes, or lacks a tensor that the manifest names */
  static async load(stage: Stage, threads: number): Promise<StageSession> {
    let session: InferenceSession;
    try {
      session = await InferenceSession.create(stage.copy ?? stage.file, {
        intraOpNumThreads: threads,
        interOpNumThreads: 1,
        executionMode: 'sequential',
        graphOptimizationLevel: 'all',
        // Each session would keep the memory of its largest batch for ever: half of a lane's (measured). See MALLOC in gateway/lane-process.
        enableCpuMemArena: false,
        // Several sessions that spin for work slow one another down by a factor of 4 (measured).
        extra: { session: { intra_op: { allow_spinning: '0' }, ...(await exactBytes()) } },
      });
    } catch (error) {
      const reason = (error as Error).message.split('\n')[0]!.replaceAll(stage.copy ?? stage.file, stage.file);
      // Nodes that share a kernel cannot be turned into unsigned bytes (onnx/quantized); import gives each its own.
      const again = reason.includes('replace the existing tensor') ? '; import it again' : '';
      throw new ConfigError(stage.file, '', `not a graph that can run: ${reason}${again}`);
    }
    const lacking = (names: readonly string[], has: readonly string[]) => names.find((name) => !has.includes(name));
    const input = lacking(stage.inputs, session.inputNames);
    if (input !== undefined)
      throw new ConfigError(stage.file, 'inputs', `no input "${input}"; has: ${session.inputNames.join(', ')}`);
    const spare = lacking(session.inputNames, stage.inputs);
    if (spare !== undefined)
      throw new ConfigError(stage.file, 'inputs', `needs the input "${spare}", which the manifest does not give`);
    const output = lacking([stage.logits, ...stage.features], session.outputNames);
    if (output !== undefined) {
      throw new ConfigError(stage.file, 'outputs', `no output "${output}"; has: ${session.outputNames.join(', ')}`);
    }
    return new StageSession(session, stage);
  }

  /** Runs the batch; blocks this thread until it is done (ONNX Runtime's Node binding is synchronous inside). */
  async run(feeds: Features): Promise<StageOutput> {
    const out = await this.#session.run(Object.fromEntries(feeds), this.#fetches);
    return {
      logits: out[this.#stage.logits]!,
      features: new Map(this.#stage.features.map((name) => [name, out[name]!])),
    };
  }
}

/** One row of a batched tensor: [1, ...] without copying. */
export interface Row {
  readonly tensor: Tensor;
  readonly index: number;
}

/** Stacks rows along the batch axis; a run of neighbours that is a whole tensor is passed on as it is. */
export function stack(rows: readonly Row[]): Tensor {
  const first = rows[0]!.tensor;
  if (rows.length === first.dims[0] && rows.every((row, i) => row.tensor === first && row.index === i)) return first;
  const size = first.size / first.dims[0]!;
  const Data = first.data.constructor as Float32ArrayConstructor;
  const data = new Data(size * rows.length);
  for (const [i, row] of rows.entries()) data.set(rowData(row), i * size);
  return new Tensor(first.type as 'float32', data, [rows.length, ...first.dims.slice(1)]);
}

/** The row's own values, [size]. */
export function rowData(row: Row): Float32Array {
  const size = row.tensor.size / row.tensor.dims[0]!;
  return (row.tensor.data as Float32Array).subarray(row.index * size, (row.index + 1) * size);
}
