/** Multiply-accumulates, counted from the graph itself: convolutions and matrix products; additions of biases are not counted. */

import type { Tensor } from 'onnxruntime-node';
import { ConfigError } from '../../errors.js';
import type { Rung, Stage } from '../cascade.js';
import { dataFlow } from './graph.js';
import { imageValue, pictures } from './image.js';
import { intAttribute, type OnnxModel, type OnnxNode, readModel, tensorDims } from './model.js';
import { type OpenGraph, openGraph } from './session.js';
import { withOutputs } from './shapes.js';

/** Dimensions of a tensor by name. */
export type Dims = (name: string) => readonly number[];

interface Counter {
  /** Names of the tensors whose dimensions the count needs. */
  readonly tensors: (node: OnnxNode) => readonly string[];
  readonly count: (node: OnnxNode, dims: readonly (readonly number[])[]) => number;
}

/** Each element of the output sums over one filter: weight is [out, in / group, ...kernel]. */
const conv = (weight: number): Counter => ({
  tensors: (node) => [node.outputs[0]!, node.inputs[weight]!],
  count: (_, [out, filter]) => product(out!) * product(filter!.slice(1)),
});

/** Each element of the input is spread over one filter: weight is [in, out / group, ...kernel]. */
const convTranspose: Counter = {
  tensors: (node) => [node.inputs[0]!, node.inputs[1]!],
  count: (_, [input, filter]) => product(input!) * product(filter!.slice(1)),
};

/** Each element of the output sums over the last dimension of the left matrix. */
const matMul: Counter = {
  tensors: (node) => [node.outputs[0]!, node.inputs[0]!],
  count: (_, [out, left]) => product(out!) * (left!.at(-1) ?? 1),
};

const gemm: Counter = {
  tensors: matMul.tensors,
  count: (node, [out, left]) => product(out!) * left![intAttribute(node, 'transA', 0) === 0 ? 1 : 0]!,
};

const counters: ReadonlyMap<string, Counter> = new Map([
  ['Conv', conv(1)],
  ['ConvInteger', conv(1)],
  ['QLinearConv', conv(3)],
  ['ConvTranspose', convTranspose],
  ['Gemm', gemm],
  ['MatMul', matMul],
  ['MatMulInteger', matMul],
  ['QLinearMatMul', matMul],
]);

/** Operators that multiply and accumulate in ways not counted here: a cost of zero for them would be a lie. */
const uncounted = new Set(['Attention', 'DeformConv', 'DFT', 'Einsum', 'GRU', 'LSTM', 'RNN']);

function counterOf(node: OnnxNode): Counter | undefined {
  return node.domain === '' ? counters.get(node.op) : undefined;
}

/** Tensors whose dimensions {@link nodeMacs} asks for; none for a node without MACs. */
export function macTensors(node: OnnxNode): readonly string[] {
  return counterOf(node)?.tensors(node) ?? [];
}

/**
 * MACs of one node for the batch that `dims` tells of. Pure.
 * @param dims asked only for {@link macTensors}
 */
export function nodeMacs(node: OnnxNode, dims: Dims): number {
  const counter = counterOf(node);
  return counter === undefined ? 0 : counter.count(node, counter.tensors(node).map(dims));
}

/**
 * MACs of a whole graph for one picture.
 * @throws ConfigError as {@link countStageMacs}
 */
export async function countMacs(model: OnnxModel, resolution: number): Promise<number> {
  const [stages] = await countStageMacs([{ model, inputs: model.inputs.map((input) => input.name) }], [resolution]);
  return stages![0]!;
}

/** A stage graph, and the tensors that it takes: the image, or outputs of earlier stages. */
export interface StageToCount {
  readonly model: OnnxModel;
  readonly inputs: readonly string[];
}

/**
 * MACs per stage for one picture of `resolution` x `resolution` pixels, for each of the resolutions. Costs one session a stage; runs the
 * stages once a resolution, one after another, on a black picture.
 * @throws ConfigError for a stage that cannot run, an input that no earlier stage makes, or an operator that cannot be counted
 */
export async function countStageMacs(
  stages: readonly StageToCount[],
  resolutions: readonly number[],
): Promise<number[][]> {
  const graphs: OpenGraph[] = [];
  const weights = stages.map(({ model }) => weightsOf(model));
  const worked = stages.map(({ model }) => workedNodes(model));
  try {
    for (const [index, { model }] of stages.entries()) {
      refuseUncounted(model);
      const tensors = worked[index]!.flatMap(macTensors).filter((name) => !weights[index]!.has(name));
      graphs.push(await openGraph(withShapes(model, tensors), 'disabled'));
    }
    const counts: number[][] = [];
    for (const resolution of resolutions) counts.push(await countChain(stages, weights, worked, graphs, resolution));
    return counts;
  } finally {
    for (const graph of graphs) await graph.release();
  }
}

const shapeOf = (tensor: string) => `${tensor}/sluice-shape`;

/** The same graph with the dimensions of `tensors` as outputs, too: the tensors themselves would be tens of megabytes. */
function withShapes(model: OnnxModel, tensors: readonly string[]): OnnxModel {
  const names = [...new Set(tensors)];
  const node = (name: string): OnnxNode => ({
    op: 'Shape',
    domain: '',
    name: shapeOf(name),
    inputs: [name],
    outputs: [shapeOf(name)],
    attributes: [],
  });
  return withOutputs({ ...model, nodes: [...model.nodes, ...names.map(node)] }, names.map(shapeOf));
}

async function countChain(
  stages: readonly StageToCount[],
  weights: readonly OnnxModel['initializers'][],
  worked: readonly (readonly OnnxNode[])[],
  graphs: readonly OpenGraph[],
  resolution: number,
): Promise<number[]> {
  const kept = new Map<string, Tensor>();
  const macs: number[] = [];
  for (const [index, { model, inputs }] of stages.entries()) {
    const feeds = Object.fromEntries(
      inputs.map((name) => [name, kept.get(name) ?? blackPicture(model, name, resolution)]),
    );
    const results = await graphs[index]!.run(feeds);
    const dims: Dims = (name) => {
      const weight = weights[index]!.get(name);
      return weight === undefined
        ? Array.from(results[shapeOf(name)]!.data as BigInt64Array, Number)
        : tensorDims(weight);
    };
    macs.push(worked[index]!.reduce((sum, node) => sum + nodeMacs(node, dims), 0));
    for (const [name, tensor] of Object.entries(feeds)) kept.set(name, tensor);
    for (const { name } of model.outputs) kept.set(name, results[name]!);
  }
  return macs;
}

/** Nodes that run for each picture: a product of weights alone is made once, when the graph is loaded. */
function workedNodes(model: OnnxModel): OnnxNode[] {
  const { constant } = dataFlow(model);
  return model.nodes.filter((_, at) => !constant.has(at));
}

/**
 * Initializers, also where a Cast (`half`) or a DequantizeLinear stands between them and who uses them: they need not be asked for as
 * outputs, which copies them.
 */
function weightsOf({ initializers, nodes }: OnnxModel): OnnxModel['initializers'] {
  const cast = nodes.flatMap(({ op, inputs, outputs }) => {
    const weight = op === 'Cast' || op === 'DequantizeLinear' ? initializers.get(inputs[0]!) : undefined;
    return weight === undefined ? [] : [[outputs[0]!, weight] as const];
  });
  return new Map([...initializers, ...cast]);
}

/** Like {@link countStageMacs}, from the stages' files. */
export async function countFileMacs(
  stages: readonly Pick<Stage, 'file' | 'copy' | 'inputs'>[],
  resolutions: readonly number[],
): Promise<number[][]> {
  const read = stages.map(async ({ file, copy, inputs }) => ({ model: await readModel(file, copy), inputs }));
  return countStageMacs(await Promise.all(read), resolutions);
}

/**
 * MACs of one picture, by rung and stage. Rungs of one graph, which differ in their resolution alone, are counted together: loading it
 * costs most.
 * @throws ConfigError as {@link countStageMacs}
 */
export async function countRungMacs(rungs: readonly Rung[]): Promise<readonly (readonly number[])[]> {
  const counted = new Map<Rung, readonly number[]>();
  for (const { stages } of rungs) {
    const files = filesOf(stages);
    const alike = rungs.filter((rung) => filesOf(rung.stages) === files && !counted.has(rung));
    if (alike.length === 0) continue;
    const resolutions = alike.map(({ resolution }) => resolution);
    const counts = await countFileMacs(stages, resolutions);
    for (const [index, rung] of alike.entries()) counted.set(rung, counts[index]!);
  }
  return rungs.map((rung) => counted.get(rung)!);
}

const filesOf = (stages: readonly Pick<Stage, 'file'>[]) => stages.map(({ file }) => file).join('\n');

/**
 * Refuses a graph whose cost cannot be told.
 * @throws ConfigError naming the first operator that multiplies but is not counted
 */
export function refuseUncounted(model: OnnxModel): void {
  const foreign = model.nodes.find(
    (node) => uncounted.has(node.op) || (node.domain !== '' && /conv|gemm|matmul|attention|lstm|gru/i.test(node.op)),
  );
  if (foreign === undefined) return;
  const operator = foreign.domain === '' ? foreign.op : `${foreign.domain}.${foreign.op}`;
  throw new ConfigError(model.file, foreign.name, `MACs of operator ${operator} cannot be counted`);
}

function blackPicture(model: OnnxModel, name: string, resolution: number): Tensor {
  const value = model.inputs.find((input) => input.name === name);
  if (value === undefined) throw new ConfigError(model.file, name, 'the graph has no such input');
  return pictures(imageValue(model.file, value), 1, resolution);
}

function product(dims: readonly number[]): number {
  return dims.reduce((sofar, dim) => sofar * dim, 1);
}
