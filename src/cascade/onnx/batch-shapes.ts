/** `x.view(x.shape[0], -1)` and the like: shapes that a graph reads from its batch. */

import { dataFlow } from './graph.js';
import { imageInput } from './image.js';
import { ElemType, intAttribute, type OnnxModel, type OnnxNode } from './model.js';
import type { Tensors } from './session.js';
import { ofOneAndTwo, withOutputs } from './shapes.js';

/** Of a Reshape: the dimension of the tensor at the same place. */
const AS_BEFORE = 0;
/** With this attribute 0 means no values at all. */
const ZERO_IS_NONE = 'allowzero';

/**
 * The same graph in which a Reshape that only keeps the batch has its shape as a constant. Such shapes belong to no picture: a cut could not keep
 * them for later stages. Others stay, those that change with the resolution among them.
 * @throws ConfigError when the graph has no proper image input, or cannot run at one of the resolutions
 */
export async function withConstantShapes(model: OnnxModel, resolutions: readonly number[]): Promise<OnnxModel> {
  const { producer, constant } = dataFlow(model);
  const varies = (name: string) => producer.has(name) && !constant.has(producer.get(name)!);
  const candidates = model.nodes.filter(
    ({ op, domain, inputs }) => op === 'Reshape' && domain === '' && varies(inputs[1]!),
  );
  if (candidates.length === 0) return model;
  const image = imageInput(model);
  // A weight whose shape the picture decides has no batch to keep.
  const reshapes = candidates.filter(({ inputs: [tensor] }) => varies(tensor!) || tensor === image.name);
  const instrumented = withOutputs(
    model,
    reshapes.flatMap(({ inputs }) => inputs.filter(varies)),
  );
  const runs: Tensors[] = [];
  for (const resolution of resolutions) runs.push(...(await ofOneAndTwo(instrumented, resolution)));
  const initializers = new Map(model.initializers);
  const fixed = new Map<OnnxNode, OnnxNode>();
  for (const node of reshapes) {
    const rest = keptShape(node, runs);
    if (rest === undefined) continue;
    const name = `${node.outputs[0]!}/shape`;
    const int64Data = [AS_BEFORE, ...rest];
    initializers.set(name, { name, dataType: ElemType.int64, dims: [int64Data.length], int64Data });
    const attributes = node.attributes.filter((attribute) => attribute.name !== ZERO_IS_NONE);
    fixed.set(node, { ...node, attributes, inputs: [node.inputs[0]!, name] });
  }
  return { ...model, initializers, nodes: model.nodes.map((node) => fixed.get(node) ?? node) };
}

/** What stands behind the batch in the shape of a Reshape, where that is the same in all runs. */
function keptShape(node: OnnxNode, runs: readonly Tensors[]): readonly number[] | undefined {
  const [tensor, shape] = node.inputs as [string, string];
  const isLiteral = intAttribute(node, ZERO_IS_NONE, 0) === 1;
  const seen = runs.map((run) => {
    const [batch, ...rest] = Array.from(run[shape]!.data as BigInt64Array, Number);
    const isKept = batch === run[tensor]!.dims[0] && !(isLiteral && rest.includes(0));
    return isKept ? rest : undefined;
  });
  const [first] = seen;
  return seen.every((rest) => rest !== undefined && String(rest) === String(first)) ? first : undefined;
}
