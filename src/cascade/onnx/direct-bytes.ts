/** Quantised graphs with a uint8 image: where normalising and quantising give back the very bytes of the picture, both are left out. */

import type { Tensor } from 'onnxruntime-node';
import { ancestors, dataFlow, pruned } from './graph.js';
import { imageInput, pictures } from './image.js';
import { anyType, type OnnxModel, type OnnxNode, tensorDims } from './model.js';
import { runOnce } from './session.js';

/** What makes a value of the value in its place: no neighbour, no position counts. */
const PER_VALUE = new Set(['Cast', 'Sub', 'Add', 'Mul', 'Div', 'QuantizeLinear']);
/** A constant operand holds at most one value per channel. */
const CHANNELS = 3;
const VALUES = 256;

/**
 * The same graph with the image going into its first quantised operator directly, or the graph itself where that would be another.
 * From 8 bits to floats, less a mean, divided by a spread and back to 8 bits is the identity more often than not, since a quantiser that
 * has seen the whole range picks just that scale (arXiv 1712.05877); for the lane it is four passes over the largest map of all.
 * Whether it is one is asked of the runtime, for all 256 values of all channels. Pure.
 * @param resolution side of a picture to ask with
 */
export async function withDirectBytes(model: OnnxModel, resolution: number): Promise<OnnxModel> {
  const image = imageInput(model);
  const way = image.layout === 'nhwc-uint8' ? wayToBytes(model, image.name) : undefined;
  if (way === undefined) return model;
  const [transpose] = way.filter((node) => node.op === 'Transpose');
  const end = way.at(-1)!.outputs[0]!;
  let at = 0;
  const batch = pictures(
    image,
    Math.ceil(VALUES / resolution ** 2),
    resolution,
    () => Math.floor(at++ / CHANNELS) % VALUES,
  );
  const last: OnnxNode = { ...transpose!, inputs: [image.name], outputs: [end] };
  const outputs = [anyType(end)];
  const long = { ...pruned(model, ancestors(model, dataFlow(model), [end])), outputs };
  const short = { ...model, nodes: [last], initializers: new Map(), outputs };
  const [wanted, found] = [await runOnce(long, { [image.name]: batch }), await runOnce(short, { [image.name]: batch })];
  if (!same(wanted[end]!, found[end]!)) return model;
  const nodes = model.nodes.flatMap((node) => (node === way.at(-1) ? [last] : way.includes(node) ? [] : [node]));
  return pruned({ ...model, nodes }, new Set(nodes.keys()));
}

/** The nodes from the image to its first quantisation, one after another, each taken by the next alone; one of them transposes. */
function wayToBytes(model: OnnxModel, image: string): readonly OnnxNode[] | undefined {
  const outputs = new Set(model.outputs.map((output) => output.name));
  const way: OnnxNode[] = [];
  let name = image;
  for (;;) {
    const [node, second] = model.nodes.filter((each) => each.inputs.includes(name));
    if (node === undefined || second !== undefined || outputs.has(name)) return undefined;
    if (node.op !== 'Transpose' && !(PER_VALUE.has(node.op) && constantsFit(model, node, name))) return undefined;
    way.push(node);
    if (node.op === 'QuantizeLinear') break;
    name = node.outputs[0]!;
  }
  return way.filter((node) => node.op === 'Transpose').length === 1 ? way : undefined;
}

function constantsFit(model: OnnxModel, node: OnnxNode, varying: string): boolean {
  return node.inputs
    .filter((name) => name !== varying)
    .every((name) => {
      const constant = model.initializers.get(name);
      return constant !== undefined && tensorDims(constant).reduce((product, dim) => product * dim, 1) <= CHANNELS;
    });
}

function same(a: Tensor, b: Tensor): boolean {
  if (a.type !== b.type || a.dims.join() !== b.dims.join()) return false;
  const [left, right] = [a.data as Uint8Array, b.data as Uint8Array];
  return left.every((value, at) => value === right[at]);
}
