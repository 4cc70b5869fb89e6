/** Proof on random pictures that the stages, run one after another, say what the whole graph says. */

import '../../no-telemetry.js';
import { Tensor } from 'onnxruntime-node';
import { ConfigError } from '../../errors.js';
import type { StageGraph } from './cut.js';
import { imageInput, pictures } from './image.js';
import type { OnnxModel } from './model.js';
import { type OpenGraph, openGraph, type Tensors } from './session.js';

/** How far the sum of a row of probabilities may be off, in float32 and after 8 bits. */
const SUM_TOLERANCE = 0.01;

/** A batch may be computed in another order than a picture by itself. */
const ALONE_TOLERANCE = 1e-3;

/** What to compare on. */
export interface Comparison {
  readonly resolutions: readonly number[];
  /** Random pictures per resolution, run as one batch. */
  readonly count: number;
  /** Pixel values are divided by it where the graph takes float32. */
  readonly scale?: number | undefined;
}

/**
 * Compares staged with whole, both optimised as for serving.
 * @returns the largest difference of any logit; where an exit has logits above 1, as a share of its largest (float32 has seven digits)
 * @throws ConfigError when a graph fails to run, gives logits that are not finite, probabilities in their place, or other logits for a picture by itself
 */
export async function largestDifference(
  whole: OnnxModel,
  stages: readonly StageGraph[],
  { resolutions, count, scale = 1 }: Comparison,
): Promise<number> {
  const image = imageInput(whole);
  const opened: OpenGraph[] = [];
  try {
    for (const model of [whole, ...stages.map((stage) => stage.model)]) opened.push(await openGraph(model, 'all'));
    const [wholeGraph, ...stageGraphs] = opened;
    const pixel = randomPixels(image.layout === 'nhwc-uint8' ? 1 : scale);
    let largest = 0;
    for (const resolution of resolutions) {
      const batch = pictures(image, count, resolution, pixel);
      const expected = await wholeGraph!.run({ [image.name]: batch });
      const alone = await wholeGraph!.run({ [image.name]: firstRow(batch) });
      const kept = new Map<string, Tensor>([[image.name, batch]]);
      for (const [k, stage] of stages.entries()) {
        const feeds: Tensors = Object.fromEntries(stage.inputs.map((name) => [name, kept.get(name)!]));
        if (areProbabilities(expected[stage.exit]!)) {
          const found = 'gives probabilities: each row sums to 1, nothing in it is below 0';
          throw new ConfigError(whole.file, stage.exit, `${found}; allowed: logits, the values before the softmax`);
        }
        if (differenceOf(alone[stage.exit]!, firstRow(expected[stage.exit]!)) > ALONE_TOLERANCE) {
          const found =
            'logits of a picture change with those beside it (batch statistics, or a range that is found anew in every batch)';
          throw new ConfigError(whole.file, stage.exit, `${found}; allowed: each picture by itself`);
        }
        const made = await stageGraphs[k]!.run(feeds);
        for (const name of stage.features) kept.set(name, made[name]!);
        const difference = differenceOf(expected[stage.exit]!, made[stage.logits]!);
        if (!Number.isFinite(difference)) {
          throw new ConfigError(whole.file, stage.exit, `logits at ${resolution} pixels are not all finite numbers`);
        }
        largest = Math.max(largest, difference);
      }
    }
    return largest;
  } finally {
    for (const graph of opened) await graph.release();
  }
}

function firstRow({ type, data, dims }: Tensor): Tensor {
  const values = data as Float32Array;
  return new Tensor(type as 'float32', values.slice(0, values.length / dims[0]!), [1, ...dims.slice(1)]);
}

/** The largest |a - b| over the largest |a|, or over 1; NaN where shapes differ or a value is no finite number. */
function differenceOf(a: Tensor, b: Tensor): number {
  const left = a.data as Float32Array;
  const right = b.data as Float32Array;
  if (left.length !== right.length) return Number.NaN;
  const largest = left.reduce((sofar, value) => Math.max(sofar, Math.abs(value)), 1);
  return left.reduce((sofar, value, at) => Math.max(sofar, Math.abs(value - right[at]!)), 0) / largest;
}

/** Softmax of softmax is nearly flat: such a graph would serve, but nothing would ever leave early. */
function areProbabilities({ data, dims }: Tensor): boolean {
  const values = data as Float32Array;
  const classes = dims.at(-1)!;
  const sums = new Float64Array(values.length / classes);
  for (const [at, value] of values.entries()) {
    if (!(value >= 0)) return false;
    sums[Math.floor(at / classes)]! += value;
  }
  return classes > 1 && sums.every((sum) => Math.abs(sum - 1) < SUM_TOLERANCE);
}

/** Pixel values 0..255, the same in each run, so that a failure can be looked at again (Numerical Recipes' LCG). */
function randomPixels(scale: number): () => number {
  let state = 1;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state >>> 24) / scale;
  };
}
