/**
 * Process: a bare ONNX Runtime loop over the stage graphs of one rung. What it reaches is what nothing around it can beat.
 * Its sessions are opened as a lane opens them; nothing else is of src/.
 */

import '../../src/no-telemetry.js';
import { type InferenceSession, Tensor } from 'onnxruntime-node';
import { bareSession } from './bare-session.js';
import { serve } from './child.js';

export interface LimitStage {
  readonly file: string;
  readonly inputs: readonly string[];
  /** Logits, then features. */
  readonly outputs: readonly string[];
}

export interface LimitRequest {
  readonly stages: readonly LimitStage[];
  readonly input: {
    readonly tensor: string;
    readonly layout: 'nhwc-uint8' | 'nchw-float32';
    readonly resolution: number;
  };
  /** Pictures a run. */
  readonly batch: number;
  readonly seconds: number;
}

export interface LimitAnswer {
  readonly images: number;
  readonly seconds: number;
}

const sessions = new Map<string, Promise<InferenceSession>>();

function session(file: string): Promise<InferenceSession> {
  let known = sessions.get(file);
  if (known === undefined) {
    known = bareSession(file);
    sessions.set(file, known);
  }
  return known;
}

function noise({ layout, resolution }: LimitRequest['input'], batch: number): Tensor {
  const pixels = Uint8Array.from({ length: batch * resolution ** 2 * 3 }, () => Math.random() * 256);
  if (layout === 'nhwc-uint8') return new Tensor('uint8', pixels, [batch, resolution, resolution, 3]);
  return new Tensor(
    'float32',
    Float32Array.from(pixels, (value) => value / 255),
    [batch, 3, resolution, resolution],
  );
}

serve(async ({ stages, input, batch, seconds }: LimitRequest): Promise<LimitAnswer> => {
  const ready = await Promise.all(stages.map(async (stage) => ({ ...stage, session: await session(stage.file) })));
  const pictures = noise(input, batch);
  const from = performance.now();
  const until = from + seconds * 1000;
  let images = 0;
  while (performance.now() < until) {
    const held: Record<string, Tensor> = { [input.tensor]: pictures };
    for (const stage of ready) {
      const feeds = Object.fromEntries(stage.inputs.map((name) => [name, held[name]!]));
      Object.assign(held, await stage.session.run(feeds, stage.outputs));
    }
    images += batch;
  }
  return { images, seconds: (performance.now() - from) / 1000 };
});
