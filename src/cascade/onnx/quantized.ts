/** Quantised graphs as ONNX Runtime's tools write them: float operators between QuantizeLinear and DequantizeLinear ("QDQ"). */

import { dataFlow } from './graph.js';
import { ElemType, type OnnxModel, type OnnxNode } from './model.js';

/**
 * The same graph in which whoever takes a dequantised feature has a DequantizeLinear of its own, as the runtime arranges it before it
 * fuses them. A cut between them then keeps the bytes, a quarter of the floats, and no fused operator is torn apart by it. Pure.
 */
export function withOwnDequantizers(model: OnnxModel): OnnxModel {
  const { producer, constant } = dataFlow(model);
  const given = new Set(model.outputs.map((output) => output.name));
  const taken = new Set<string>();
  const nodes: OnnxNode[] = [];
  for (const node of model.nodes) {
    const inputs = node.inputs.map((name, place) => {
      const at = producer.get(name);
      const source = at === undefined ? undefined : model.nodes[at]!;
      if (source?.op !== 'DequantizeLinear' || constant.has(at!)) return name;
      // An output of the graph stays one; else the first to take it keeps the name.
      if (!taken.has(name) && !given.has(name)) {
        taken.add(name);
        return name;
      }
      const own = `${name}/${node.outputs[0]!}/${place}`;
      nodes.push({ ...source, name: own, outputs: [own] });
      return own;
    });
    nodes.push({ ...node, inputs });
  }
  return { ...model, nodes };
}

/**
 * The same graph in which no two nodes share an int8 constant: kernel or zero point. Where the runtime turns kernels into unsigned bytes (see
 * exact-bytes) it does so node by node, and fails at the second that has the same one. Pure.
 */
export function withOwnBytes(model: OnnxModel): OnnxModel {
  const taken = new Set<string>();
  const initializers = new Map(model.initializers);
  const nodes = model.nodes.map((node) => {
    const inputs = node.inputs.map((name, place) => {
      const constant = model.initializers.get(name);
      if (constant?.dataType !== ElemType.int8) return name;
      // The first to take it keeps the name.
      if (!taken.has(name)) {
        taken.add(name);
        return name;
      }
      const own = `${name}/${node.outputs[0]!}/${place}`;
      initializers.set(own, { ...constant, name: own });
      return own;
    });
    return { ...node, inputs };
  });
  return { ...model, nodes, initializers };
}
