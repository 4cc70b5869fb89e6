/** Quantised graphs as ONNX Runtime's tools write them: float operators between QuantizeLinear and DequantizeLinear ("QDQ"). */

import { dataFlow } from './graph.js';
import { ElemType, type OnnxModel, type OnnxNode } from './model.js';

/**
 * The same graph in which whoever takes a dequantised feature has a DequantizeLinear of its own, as the runtime arranges it before it
 * fuses them. A cut between them then keeps the bytes, a quarter of the floats, and no fused operator is torn apart by it. Pure.
 */
export function withOwnDequantizers(model: OnnxModel): OnnxModel {
  const { producer, constant } = dataFlow(model);
  const copies = new Map<string, OnnxNode>();
  // An output of the graph stays one.
  const taken = new Set(model.outputs.map((output) => output.name));
  const nodes = withOwn(model.nodes, taken, (name, own) => {
    const at = producer.get(name);
    const source = at === undefined ? undefined : model.nodes[at]!;
    if (source?.op !== 'DequantizeLinear' || constant.has(at!)) return false;
    return () => copies.set(own, { ...source, name: own, outputs: [own] });
  });
  const before = ({ inputs }: OnnxNode) => inputs.flatMap((name) => copies.get(name) ?? []);
  return { ...model, nodes: nodes.flatMap((node) => [...before(node), node]) };
}

/**
 * The same graph in which no two nodes share an int8 constant: kernel or zero point. Where the runtime turns kernels into unsigned bytes (see
 * exact-bytes) it does so node by node, and fails at the second that has the same one. Pure.
 */
export function withOwnBytes(model: OnnxModel): OnnxModel {
  const initializers = new Map(model.initializers);
  const nodes = withOwn(model.nodes, new Set(), (name, own) => {
    const constant = model.initializers.get(name);
    return constant?.dataType === ElemType.int8 && (() => initializers.set(own, { ...constant, name: own }));
  });
  return { ...model, nodes, initializers };
}

/**
 * The nodes, of which the first to take a tensor keeps its name, and each further one takes a copy under a name of its own.
 * @param taken names that nobody keeps; grows
 * @param copier of a tensor under its own name; false: it may be shared
 */
function withOwn(
  nodes: readonly OnnxNode[],
  taken: Set<string>,
  copier: (name: string, own: string) => false | (() => void),
): OnnxNode[] {
  return nodes.map((node) => {
    const inputs = node.inputs.map((name, place) => {
      const own = `${name}/${node.outputs[0]!}/${place}`;
      const copy = copier(name, own);
      if (copy === false) return name;
      if (!taken.has(name)) {
        taken.add(name);
        return name;
      }
      copy();
      return own;
    });
    return { ...node, inputs };
  });
}
