/** Which nodes run in which stage: for each boundary, the cheapest place to cut that repeats no work. */

import { ConfigError } from '../../errors.js';
import { ancestors, type DataFlow } from './graph.js';
import { FlowNetwork } from './min-cut.js';
import type { OnnxModel } from './model.js';
import { pictureBytes, type TensorShape } from './shapes.js';

/** A graph with what is known of it. */
export interface KnownGraph {
  readonly model: OnnxModel;
  readonly flow: DataFlow;
  /** Of every tensor that a non-constant node makes, and of the image. */
  readonly shapes: ReadonlyMap<string, TensorShape>;
  /** MACs of each node for one picture, by its place in `model.nodes`. */
  readonly macs: readonly number[];
}

/** Nodes that run once per picture and that the tensors need. */
export function workFor(graph: KnownGraph, tensors: Iterable<string>): Set<number> {
  const found = ancestors(graph.model, graph.flow, tensors);
  return new Set([...found].filter((at) => !graph.flow.constant.has(at)));
}

/** Sum of the MACs of `nodes`. */
export function macsOf(graph: KnownGraph, nodes: Iterable<number>): number {
  let sum = 0;
  for (const at of nodes) sum += graph.macs[at]!;
  return sum;
}

/**
 * For each exit the nodes that have run once it has spoken: what it needs and what earlier stages ran, and past that only nodes
 * without MACs where taking them along makes less to keep (a pooling layer, say).
 * @param exits output names, shallow to deep
 * @returns sets that grow; the last holds every node that any exit needs
 * @throws ConfigError when an exit adds no MACs to those before it, or when a tensor without a batch axis would have to cross
 */
export function partition(graph: KnownGraph, exits: readonly string[]): Set<number>[] {
  const needed = workFor(graph, exits);
  const done: Set<number>[] = [];
  let forced = new Set<number>();
  for (const [k, exit] of exits.entries()) {
    const own = workFor(graph, [exit]);
    const before = forced;
    if (
      macsOf(
        graph,
        [...own].filter((at) => !before.has(at)),
      ) === 0
    ) {
      throw new ConfigError(
        graph.model.file,
        exit,
        'this exit adds no MACs to the exits before it, so no stage can be made for it',
      );
    }
    forced = new Set([...before, ...own]);
    if (k < exits.length - 1) forced = cheapestSide(graph, needed, forced, exit);
    done.push(forced);
  }
  return done;
}

/**
 * Minimum cut with hyperedges: a tensor costs its bytes once, however many nodes past the cut take it. The tensor gets a node of its
 * own; producer -> tensor costs the bytes, tensor -> taker is never cut; taker -> producer is never cut either, so that the side is
 * closed under ancestors.
 */
function cheapestSide(
  graph: KnownGraph,
  needed: ReadonlySet<number>,
  forced: ReadonlySet<number>,
  exit: string,
): Set<number> {
  const { model, flow, shapes } = graph;
  const source = model.nodes.length;
  const sink = source + 1;
  const network = new FlowNetwork();
  const tensorNode = new Map<string, number>();
  const tensorNames: string[] = [];
  const nodeOfTensor = (name: string): number | undefined => {
    const producer = flow.producer.get(name);
    const shape = shapes.get(name);
    if (shape === undefined || (producer !== undefined && flow.constant.has(producer))) return undefined;
    let at = tensorNode.get(name);
    if (at === undefined) {
      at = sink + 1 + tensorNames.length;
      tensorNode.set(name, at);
      tensorNames.push(name);
      network.connect(producer ?? source, at, pictureBytes(shape));
    }
    return at;
  };
  for (const at of needed) {
    if (forced.has(at)) network.connect(source, at, Infinity);
    else if (graph.macs[at]! > 0) network.connect(at, sink, Infinity);
    for (const name of new Set(model.nodes[at]!.inputs)) {
      const tensor = nodeOfTensor(name);
      if (tensor === undefined) continue;
      network.connect(tensor, at, Infinity);
      const producer = flow.producer.get(name);
      if (producer !== undefined) network.connect(at, producer, Infinity);
    }
  }
  const cut = network.cut(source, sink);
  if ('side' in cut) return new Set([...needed].filter((at) => cut.side.has(at)));
  const name = cut.unbreakable.map((at) => tensorNames[at - sink - 1]).find((tensor) => tensor !== undefined)!;
  const { dims, type } = shapes.get(name)!;
  throw new ConfigError(
    model.file,
    exit,
    `tensor ${name} ([${dims.join(', ')}] ${type}) must be kept for later stages, but has no batch axis to keep it apart by picture`,
  );
}
