/** Cuts one graph with several exits into one stage graph per exit, as multi-exit networks are served (BranchyNet, arXiv 1709.01686). */

import { ConfigError } from '../../errors.js';
import { withConstantShapes } from './batch-shapes.js';
import { ancestors, dataFlow, pruned } from './graph.js';
import { imageInput } from './image.js';
import { type Dims, nodeMacs, refuseUncounted } from './macs.js';
import { anyType, type Dim, ElemType, type OnnxModel, type OnnxNode, type OnnxValue, tensorDims } from './model.js';
import { type KnownGraph, macsOf, partition, workFor } from './partition.js';
import { withOwnBytes, withOwnDequantizers } from './quantized.js';
import { pictureBytes, type TensorShape, tensorShapes } from './shapes.js';

/** One stage of a cut graph. */
export interface StageGraph {
  readonly model: OnnxModel;
  /** The image, or features of any earlier stage; in the order of the whole graph. */
  readonly inputs: readonly string[];
  /** Tensors that this stage makes and later stages take; named as in the whole graph. */
  readonly features: readonly string[];
  /** `[n, classes] float32`. */
  readonly logits: string;
  /** The output of the whole graph that `logits` is. */
  readonly exit: string;
  /** Bytes per picture of all that is kept past this stage at the largest resolution, the image included where it is. */
  readonly keptBytes: number;
}

/** How to cut. */
export interface CutOptions {
  /** Sides in pixels that the stages must work at. */
  readonly resolutions: readonly number[];
  /** Outputs to use as exits, shallow to deep; by default all, ordered by the MACs that each needs. */
  readonly exits?: readonly string[] | undefined;
}

/** Shapes of the same tensors at each resolution, largest first. */
type ShapesBySize = readonly ReadonlyMap<string, TensorShape>[];

/**
 * Cuts `model` so that running the stages one after another does what running it whole does, each node once. Constants are
 * copied to each stage that uses them; nodes that no exit needs are dropped.
 * @throws ConfigError when the graph cannot run at a resolution, an exit is not `[n, classes] float32`, or no cut is possible
 */
export async function cutAtExits(model: OnnxModel, options: CutOptions): Promise<StageGraph[]> {
  const names = options.exits ?? model.outputs.map((output) => output.name);
  checkExits(model, names);
  const shaped = await withConstantShapes(model, options.resolutions);
  const whole = withOwnBytes(
    withOwnDequantizers({
      ...pruned(shaped, ancestors(shaped, dataFlow(shaped), names)),
      outputs: model.outputs.filter((output) => names.includes(output.name)),
    }),
  );
  refuseUncounted(whole);
  const sizes = [...new Set(options.resolutions)].sort((a, b) => b - a);
  const bySize: ReadonlyMap<string, TensorShape>[] = [];
  for (const size of sizes) bySize.push(await tensorShapes(whole, size));
  const shapes = bySize[0];
  if (shapes === undefined) throw new ConfigError(model.file, '', 'no resolution to cut at');
  checkLogits(model.file, names, shapes);
  const dims: Dims = (name) => {
    const weight = whole.initializers.get(name);
    return weight === undefined ? shapes.get(name)!.dims : tensorDims(weight);
  };
  const flow = dataFlow(whole);
  const graph: KnownGraph = {
    model: whole,
    flow,
    shapes,
    macs: whole.nodes.map((node, at) => (flow.constant.has(at) ? 0 : nodeMacs(node, dims))),
  };
  const exits = options.exits ?? [...names].sort((a, b) => macsTo(graph, a) - macsTo(graph, b));
  const done = partition(graph, exits);
  return exits.map((exit, k) => stageGraph(graph, bySize, exit, done[k]!, done[k - 1] ?? new Set(), done.at(-1)!));
}

function macsTo(graph: KnownGraph, exit: string): number {
  return macsOf(graph, workFor(graph, [exit]));
}

/** The graph of the nodes in `done` but not in `before`; `all` is what later stages may still run. */
function stageGraph(
  graph: KnownGraph,
  bySize: ShapesBySize,
  exit: string,
  done: ReadonlySet<number>,
  before: ReadonlySet<number>,
  all: ReadonlySet<number>,
): StageGraph {
  const { model, flow } = graph;
  const own = new Set([...done].filter((at) => !before.has(at)));
  const taken = tensorsTaken(graph, own);
  const later = tensorsTaken(graph, new Set([...all].filter((at) => !done.has(at))));
  const isOwn = (name: string): boolean => own.has(flow.producer.get(name) ?? -1);
  const inputs = taken.filter((name) => !isOwn(name));
  const features = later.filter(isOwn);
  const kept = later.filter((name) => !all.has(flow.producer.get(name) ?? -1) || done.has(flow.producer.get(name)!));

  const fixed = [...own].flatMap((at) => model.nodes[at]!.inputs.filter((name) => isConstant(graph, name)));
  const stage = pruned(model, new Set([...own, ...ancestors(model, flow, fixed)]));
  // Logits that later stages take as well would be an output twice; an alias keeps the two roles apart.
  const alias = features.includes(exit) ? `${exit}/logits` : undefined;
  const nodes = alias === undefined ? stage.nodes : [...stage.nodes, identity(exit, alias)];
  const logits = alias ?? exit;
  return {
    model: {
      ...stage,
      nodes,
      inputs: inputs.map((name) => inputValue(graph, bySize, name)),
      outputs: [...features.map((name) => anyType(name)), anyType(logits)],
    },
    inputs,
    features,
    logits,
    exit,
    keptBytes: kept.reduce((sum, name) => sum + pictureBytes(graph.shapes.get(name)!), 0),
  };
}

/** Tensors that vary by picture and that `nodes` take: the image first, then as the graph makes them. */
function tensorsTaken(graph: KnownGraph, nodes: ReadonlySet<number>): string[] {
  const { model, flow } = graph;
  const taken = new Set([...nodes].flatMap((at) => model.nodes[at]!.inputs));
  const order = [
    ...model.inputs.map((input) => input.name),
    ...model.nodes.flatMap((node, at) => (flow.constant.has(at) ? [] : node.outputs)),
  ];
  return order.filter((name) => name !== '' && taken.has(name));
}

function isConstant({ flow }: KnownGraph, name: string): boolean {
  const at = flow.producer.get(name);
  return at !== undefined && flow.constant.has(at);
}

/** The image as the whole graph has it; a feature with its real shape, symbolic where it differs between resolutions. */
function inputValue(graph: KnownGraph, bySize: ShapesBySize, name: string): OnnxValue {
  const image = graph.model.inputs.find((input) => input.name === name);
  if (image !== undefined) return image;
  const elemType = elemTypes[graph.shapes.get(name)!.type];
  if (elemType === undefined) throw new ConfigError(graph.model.file, name, 'has an element type that cannot be kept');
  const dims = graph.shapes.get(name)!.dims.map((size, axis): Dim => {
    if (axis === 0) return 'n';
    return bySize.every((shapes) => shapes.get(name)!.dims[axis] === size) ? size : `${name}_dim${axis}`;
  });
  return { name, elemType, dims };
}

/** TensorProto.DataType by the runtime's names. */
const elemTypes: Partial<Record<TensorShape['type'], number>> = {
  ...{
    float32: ElemType.float32,
    uint8: ElemType.uint8,
    int8: 3,
    uint16: 4,
    int16: 5,
    int32: 6,
    int64: ElemType.int64,
  },
  ...{ bool: 9, float16: 10, float64: 11, uint32: 12, uint64: 13 },
};

function identity(from: string, to: string): OnnxNode {
  return { op: 'Identity', domain: '', inputs: [from], outputs: [to], attributes: [], name: to };
}

function checkExits(model: OnnxModel, exits: readonly string[]): void {
  const outputs = new Set(model.outputs.map((output) => output.name));
  const stray = exits.find((exit) => !outputs.has(exit));
  if (stray !== undefined) {
    throw new ConfigError(model.file, stray, `is no output of the graph; its outputs: ${[...outputs].join(', ')}`);
  }
  const twice = exits.find((exit, at) => exits.indexOf(exit) !== at);
  if (twice !== undefined) throw new ConfigError(model.file, twice, 'is listed as an exit twice');
  if (exits.length === 0) throw new ConfigError(model.file, '', 'no exits to cut at');
  imageInput(model);
}

function checkLogits(file: string, exits: readonly string[], shapes: ReadonlyMap<string, TensorShape>): void {
  const classes = shapes.get(exits[0]!)?.dims[1];
  for (const exit of exits) {
    const shape = shapes.get(exit);
    if (shape?.batched && shape.dims.length === 2 && shape.dims[1] === classes && shape.type === 'float32') continue;
    const found = shape === undefined ? 'is not made by the graph' : `is [${shape.dims.join(', ')}] ${shape.type}`;
    throw new ConfigError(
      file,
      exit,
      `${found}; an exit is [n, ${classes ?? 'classes'}] float32, as many classes at each exit`,
    );
  }
}
