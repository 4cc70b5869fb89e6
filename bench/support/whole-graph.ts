/** The stage graphs of a rung merged back into the one graph that they were cut from, as other servers want it. */

import { writeFile } from 'node:fs/promises';
import type { Cascade, Rung } from '../../src/cascade/cascade.js';
import { ancestors, dataFlow, pruned } from '../../src/cascade/onnx/graph.js';
import { ElemType, encodeModel, type OnnxModel, type OnnxNode, readModel } from '../../src/cascade/onnx/model.js';

/** Output of a whole graph, [n, classes] float32. */
export const LOGITS = 'logits';

/** Its only output is the last exit: heads of earlier exits, which the static network does not need, are left out. */
export async function wholeGraph({ input, labels }: Cascade, rung: Rung): Promise<OnnxModel> {
  const stages = await Promise.all(rung.stages.map(({ file }) => readModel(file)));
  const shared = new Set([input.tensor, ...rung.stages.flatMap(({ inputs, features }) => [...inputs, ...features])]);
  const last = rung.stages.length - 1;
  // What crosses a cut has one name in all stages; inside of two stages a name may mean two things.
  const named = (stage: number) => (name: string) => {
    if (name === '' || shared.has(name)) return name;
    return stage === last && name === rung.stages[last]!.logits ? LOGITS : `stage${stage + 1}/${name}`;
  };
  const merged: OnnxModel = {
    file: `${rung.id}, whole`,
    irVersion: Math.max(...stages.map(({ irVersion }) => irVersion)),
    opsets: oneOf(rung, stages),
    nodes: stages.flatMap(({ nodes }, stage) => nodes.map((node) => renamed(node, named(stage)))),
    initializers: new Map(
      stages.flatMap(({ initializers }, stage) =>
        [...initializers].map(([name, tensor]) => {
          const to = named(stage)(name);
          return [to, { ...tensor, name: to }] as const;
        }),
      ),
    ),
    inputs: stages[0]!.inputs.filter(({ name }) => name === input.tensor),
    outputs: [{ name: LOGITS, elemType: ElemType.float32, dims: ['n', labels.length] }],
  };
  return pruned(merged, ancestors(merged, dataFlow(merged), [LOGITS]));
}

export async function writeWholeGraph(cascade: Cascade, rung: Rung, file: string): Promise<void> {
  await writeFile(file, encodeModel(await wholeGraph(cascade, rung)));
}

function renamed(node: OnnxNode, rename: (name: string) => string): OnnxNode {
  return { ...node, name: rename(node.name), inputs: node.inputs.map(rename), outputs: node.outputs.map(rename) };
}

/** @throws Error where the stages are not cut from one graph */
function oneOf(rung: Rung, stages: readonly OnnxModel[]): OnnxModel['opsets'] {
  const [first, ...others] = stages.map(({ opsets }) => opsets);
  if (others.some((opsets) => JSON.stringify(opsets) !== JSON.stringify(first)))
    throw new Error(`${rung.id}: its stages have different operator sets`);
  return first!;
}
