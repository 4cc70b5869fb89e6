/** An ONNX file as Sluice works with it: a flat list of nodes between named tensors. Format: onnx.ai/onnx/repo-docs/IR.html */

import { readFile } from 'node:fs/promises';
import type { onnx } from 'onnx-proto';
import proto from 'onnx-proto';
import { ConfigError } from '../../errors.js';

/** A fixed size, or the name of a symbolic one ('' where the file names none). */
export type Dim = number | string;

/** Element types of TensorProto.DataType that the code speaks of by name. */
export const ElemType = { unknown: 0, float32: 1, uint8: 2, int8: 3, int64: 7, float16: 10 } as const;

/** An input or output of a graph. */
export interface OnnxValue {
  readonly name: string;
  /** TensorProto.DataType; {@link ElemType.unknown} leaves it to the runtime's inference. */
  readonly elemType: number;
  /** undefined where the file does not even tell the rank. */
  readonly dims: readonly Dim[] | undefined;
}

/** One operator. `inputs` holds '' for an optional input that is left out. */
export interface OnnxNode {
  readonly op: string;
  /** '' is the standard operator set. */
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: readonly onnx.IAttributeProto[];
  readonly name: string;
}

/** A graph with its weights. Never changed in place: the functions around it make new ones. */
export interface OnnxModel {
  /** Where it came from; named in errors. */
  readonly file: string;
  readonly irVersion: number;
  readonly opsets: readonly { readonly domain: string; readonly version: number }[];
  /** In topological order, as ONNX demands. */
  readonly nodes: readonly OnnxNode[];
  readonly initializers: ReadonlyMap<string, onnx.ITensorProto>;
  /** Without those that are initializers as well. */
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
}

/** A number of a protobuf int64. */
export function toNumber(value: { toNumber(): number } | number | null | undefined): number {
  return typeof value === 'object' && value !== null ? value.toNumber() : (value ?? 0);
}

/** An output whose type and shape the runtime infers. */
export function anyType(name: string): OnnxValue {
  return { name, elemType: ElemType.unknown, dims: undefined };
}

/** The integer attribute `name` of a node, or `fallback`. */
export function intAttribute(node: OnnxNode, name: string, fallback: number): number {
  const found = node.attributes.find((attribute) => attribute.name === name);
  return found === undefined ? fallback : toNumber(found.i);
}

/** Dimensions of an initializer. */
export function tensorDims(tensor: onnx.ITensorProto): readonly number[] {
  return (tensor.dims ?? []).map(toNumber);
}

/**
 * Reads an ONNX file.
 * @param file named in errors
 * @param from where its bytes are read
 * @throws ConfigError for a file that cannot be read, and as {@link decodeModel}
 */
export async function readModel(file: string, from = file): Promise<OnnxModel> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(from);
  } catch (error) {
    throw new ConfigError(file, '', `cannot be read: ${(error as NodeJS.ErrnoException).code ?? String(error)}`);
  }
  return decodeModel(bytes, file);
}

/**
 * Parses the bytes of an ONNX file.
 * @param file named in errors only
 * @throws ConfigError for bytes that are no whole ONNX model, for weights outside of the file, for a graph without outputs,
 *   and for what hides operators from counting and cutting: control flow and model-local functions
 */
export function decodeModel(bytes: Uint8Array, file: string): OnnxModel {
  let message: onnx.ModelProto;
  try {
    message = proto.onnx.ModelProto.decode(bytes);
  } catch (error) {
    throw new ConfigError(file, '', `is not an ONNX model, or is cut short: ${(error as Error).message}`);
  }
  const graph = message.graph;
  if (!graph?.node?.length || message.opsetImport.length === 0) {
    throw new ConfigError(
      file,
      '',
      'is not an ONNX model, or is cut short: it has no graph with nodes and operator sets',
    );
  }
  refuseUnsupported(message, graph, file);
  const initializers = new Map((graph.initializer ?? []).map((tensor) => [tensor.name ?? '', tensor] as const));
  return {
    file,
    irVersion: toNumber(message.irVersion),
    opsets: message.opsetImport.map((opset) => ({ domain: opset.domain ?? '', version: toNumber(opset.version) })),
    nodes: graph.node.map(nodeOf),
    initializers,
    inputs: (graph.input ?? []).map(graphValue).filter((value) => !initializers.has(value.name)),
    outputs: (graph.output ?? []).map(graphValue),
  };
}

/** The bytes of an ONNX file; value infos of intermediate tensors are left out, the runtime infers them. */
export function encodeModel(model: OnnxModel): Uint8Array {
  return proto.onnx.ModelProto.encode({
    irVersion: model.irVersion,
    producerName: 'sluice',
    opsetImport: [...model.opsets],
    graph: {
      name: 'sluice',
      node: model.nodes.map((node) => ({
        opType: node.op,
        domain: node.domain,
        name: node.name,
        input: [...node.inputs],
        output: [...node.outputs],
        attribute: [...node.attributes],
      })),
      initializer: [...model.initializers.values()],
      input: model.inputs.map(protoOf),
      output: model.outputs.map(protoOf),
    },
  }).finish();
}

/** Bytes of the initializers as stored: what a stage adds to a lane's memory at least. */
export function parameterBytes(model: OnnxModel): number {
  let total = 0;
  for (const tensor of model.initializers.values()) total += proto.onnx.TensorProto.encode(tensor).len;
  return total;
}

function refuseUnsupported(message: onnx.ModelProto, graph: onnx.IGraphProto, file: string): void {
  const external = graph.initializer?.find(
    (tensor) => tensor.dataLocation === proto.onnx.TensorProto.DataLocation.EXTERNAL,
  );
  if (external !== undefined) {
    throw new ConfigError(
      file,
      external.name ?? '',
      'weights lie outside of the file; export with them inside (torch.onnx.export: external_data=False)',
    );
  }
  if (graph.sparseInitializer?.length)
    throw new ConfigError(file, '', 'has sparse initializers, which are not supported');
  if (message.functions?.length) throw new ConfigError(file, '', 'has model-local functions; export with them inlined');
  if (!graph.output?.length) throw new ConfigError(file, '', 'has no outputs');
  const nested = graph.node?.find((node) =>
    node.attribute?.some((attribute) => attribute.g || attribute.graphs?.length),
  );
  if (nested !== undefined) {
    throw new ConfigError(file, nested.name ?? '', `control flow (${nested.opType}) cannot be counted or cut`);
  }
}

function nodeOf(node: onnx.INodeProto): OnnxNode {
  return {
    op: node.opType ?? '',
    // Both names mean the standard set; one of them inside saves every reader from knowing that.
    domain: node.domain === 'ai.onnx' ? '' : (node.domain ?? ''),
    inputs: node.input ?? [],
    outputs: node.output ?? [],
    attributes: node.attribute ?? [],
    name: node.name ?? '',
  };
}

function graphValue(value: onnx.IValueInfoProto): OnnxValue {
  const tensor = value.type?.tensorType;
  const dims = tensor?.shape?.dim;
  return {
    name: value.name ?? '',
    elemType: tensor?.elemType ?? ElemType.unknown,
    dims: dims?.map((dim) => (toNumber(dim.dimValue) > 0 ? toNumber(dim.dimValue) : (dim.dimParam ?? ''))),
  };
}

function protoOf(value: OnnxValue): onnx.IValueInfoProto {
  if (value.elemType === ElemType.unknown) return { name: value.name };
  const dim = value.dims?.map((size) =>
    typeof size === 'number' ? { dimValue: size } : size === '' ? {} : { dimParam: size },
  );
  return {
    name: value.name,
    type: { tensorType: { elemType: value.elemType, ...(dim === undefined ? {} : { shape: { dim } }) } },
  };
}
