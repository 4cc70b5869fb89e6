/** Who makes and who takes each tensor of a graph. Nodes are spoken of by their place in `model.nodes`. */

import type { OnnxModel } from './model.js';

/** The data flow of a graph. */
export interface DataFlow {
  readonly producer: ReadonlyMap<string, number>;
  /** Nodes that depend on no graph input; each has the same result in every run. */
  readonly constant: ReadonlySet<number>;
}

/** Reads the data flow of a graph. */
export function dataFlow(model: OnnxModel): DataFlow {
  const producer = new Map<string, number>();
  const constant = new Set<number>();
  const varying = new Set(model.inputs.map((input) => input.name));
  model.nodes.forEach((node, at) => {
    const varies = node.inputs.some((name) => varying.has(name));
    if (!varies) constant.add(at);
    for (const name of node.outputs) {
      if (name === '') continue;
      producer.set(name, at);
      if (varies) varying.add(name);
    }
  });
  return { producer, constant };
}

/** Nodes that the tensors need, `constant` ones included. */
export function ancestors(model: OnnxModel, flow: DataFlow, tensors: Iterable<string>): Set<number> {
  const found = new Set<number>();
  const open = [...tensors];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    const at = flow.producer.get(name);
    if (at === undefined || found.has(at)) continue;
    found.add(at);
    open.push(...model.nodes[at]!.inputs);
  }
  return found;
}

/** The same graph with the nodes in `keep`, and the initializers that they use. */
export function pruned(model: OnnxModel, keep: ReadonlySet<number>): OnnxModel {
  const nodes = model.nodes.filter((_, at) => keep.has(at));
  const used = new Set(nodes.flatMap((node) => node.inputs));
  return { ...model, nodes, initializers: new Map([...model.initializers].filter(([name]) => used.has(name))) };
}
