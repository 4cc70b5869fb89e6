/** Small real ONNX graphs, to be run by the real runtime. */

import proto from 'onnx-proto';
import { decodeModel, type OnnxModel } from '../../src/cascade/onnx/model.js';

type Attribute = number | readonly number[];

/** Numbers in -0.5..0.5 times `scale`, the same for the same seed. */
export function randoms(length: number, seed: number, scale = 1): number[] {
  let state = seed * 7919 + 17;
  return Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state / 2 ** 32 - 0.5) * scale;
  });
}

/** Builds a graph node by node; tensors are spoken of by name. */
export class GraphBuilder {
  readonly #nodes: object[] = [];
  readonly #weights: object[] = [];
  readonly #inputs: object[] = [];
  readonly #outputs: object[] = [];

  /** Adds an input; 1 is float32, 2 is uint8. */
  input(name: string, dims: readonly (number | string)[], elemType = 1): this {
    const dim = dims.map((size) => (typeof size === 'number' ? { dimValue: size } : { dimParam: size }));
    this.#inputs.push({ name, type: { tensorType: { elemType, shape: { dim } } } });
    return this;
  }

  /** `[n, 3, h, w] float32`. */
  image(name = 'image'): this {
    return this.input(name, ['n', 3, 'h', 'w']);
  }

  /** A float32 weight: given values, or random ones. */
  weight(name: string, dims: readonly number[], values?: readonly number[]): this {
    const length = dims.reduce((product, dim) => product * dim, 1);
    const seed = [...name].reduce((sum, letter) => sum * 31 + letter.charCodeAt(0), 7) % 10007;
    const fan = Math.max(1, length / (dims[0] ?? 1));
    const floatData = values ?? randoms(length, seed, 3 / Math.sqrt(fan));
    this.#weights.push({ name, dims: [...dims], dataType: 1, floatData: [...floatData] });
    return this;
  }

  /** An initializer of another type: 2 uint8, 3 int8, 7 int64. */
  integers(name: string, dims: readonly number[], values: readonly number[], dataType = 7): this {
    const stored = dataType === 7 ? { int64Data: [...values] } : { int32Data: [...values] };
    this.#weights.push({ name, dims: [...dims], dataType, ...stored });
    return this;
  }

  /** An operator; integer attributes only. */
  node(
    op: string,
    inputs: readonly string[],
    outputs: string | readonly string[],
    attributes: Record<string, Attribute> = {},
  ): this {
    this.#nodes.push({
      opType: op,
      name: `${op}:${typeof outputs === 'string' ? outputs : outputs[0]}`,
      input: [...inputs],
      output: typeof outputs === 'string' ? [outputs] : [...outputs],
      attribute: Object.entries(attributes).map(([name, value]) =>
        typeof value === 'number' ? { name, type: 2, i: value } : { name, type: 7, ints: [...value] },
      ),
    });
    return this;
  }

  /** A Constant node with float32 values. */
  constant(name: string, dims: readonly number[], values: readonly number[]): this {
    this.#nodes.push({
      opType: 'Constant',
      name: `Constant:${name}`,
      output: [name],
      attribute: [{ name: 'value', type: 4, t: { dims: [...dims], dataType: 1, floatData: [...values] } }],
    });
    return this;
  }

  /** 3x3 (or `kernel`) convolution with padding that keeps the side, and random weights `NAME.w`. */
  conv(from: string, to: string, cin: number, cout: number, { kernel = 3, stride = 1, group = 1 } = {}): this {
    const half = (kernel - 1) / 2;
    return this.weight(`${to}.w`, [cout, cin / group, kernel, kernel]).node('Conv', [from, `${to}.w`], to, {
      pads: [half, half, half, half],
      strides: [stride, stride],
      group,
    });
  }

  /** Global mean and one linear layer: an exit. */
  head(from: string, exit: string, channels: number, classes: number): this {
    return this.weight(`${exit}.w`, [classes, channels])
      .node('GlobalAveragePool', [from], `${exit}.pool`)
      .node('Flatten', [`${exit}.pool`], `${exit}.flat`, { axis: 1 })
      .node('Gemm', [`${exit}.flat`, `${exit}.w`], exit, { transB: 1 })
      .output(exit);
  }

  output(name: string, elemType = 1): this {
    this.#outputs.push({ name, type: { tensorType: { elemType } } });
    return this;
  }

  bytes(): Uint8Array {
    return proto.onnx.ModelProto.encode(
      proto.onnx.ModelProto.create({
        irVersion: 8,
        opsetImport: [{ domain: '', version: 17 }],
        graph: {
          name: 'test',
          node: this.#nodes,
          initializer: this.#weights,
          input: this.#inputs,
          output: this.#outputs,
        },
      }),
    ).finish();
  }

  model(file = 'test.onnx'): OnnxModel {
    return decodeModel(this.bytes(), file);
  }
}

/**
 * Three exits over 8, 12 and 16 channels times `width`, with skips: `skip` goes from stage 1 to stages 2 and 3, so that two
 * tensors cross the first cut. Takes pixel values 0..255.
 */
export function skipNet(classes = 5, width = 1): GraphBuilder {
  const [a, b, c] = [8 * width, 12 * width, 16 * width];
  return new GraphBuilder()
    .image()
    .constant('gain', [1], [1 / 255])
    .node('Mul', ['image', 'gain'], 'scaled')
    .conv('scaled', 'c1', 3, a)
    .node('Relu', ['c1'], 'r1')
    .node('MaxPool', ['r1'], 'p1', { kernel_shape: [2, 2], strides: [2, 2] })
    .conv('r1', 'skip', a, c, { kernel: 1, stride: 4 })
    .node('Add', ['skip', 'skip'], 'skip2')
    .head('skip2', 'exit1', c, classes)
    .conv('p1', 'c2', a, b)
    .node('Relu', ['c2'], 'r2')
    .node('MaxPool', ['r2'], 'p2', { kernel_shape: [2, 2], strides: [2, 2] })
    .node('Mul', ['p2', 'gain'], 'g2')
    .head('g2', 'exit2', b, classes)
    .conv('p2', 'c3', b, c)
    .node('Add', ['c3', 'skip'], 'sum3')
    .node('Relu', ['sum3'], 'r3')
    .head('r3', 'exit3', c, classes);
}

/**
 * Two exits; its convolutions take and give 8-bit integers, as quantising tools write it: `c1` feeds the first exit and the second
 * convolution through one DequantizeLinear. Takes pixel values 0..255.
 */
export function quantizedNet(classes = 4): GraphBuilder {
  const graph = new GraphBuilder()
    .image()
    .weight('step', [], [2])
    .integers('zero', [], [100], 2)
    .weight('weight.step', [], [0.01])
    .integers('weight.zero', [], [0], 3);
  const through = (name: string): GraphBuilder =>
    graph
      .node('QuantizeLinear', [name, 'step', 'zero'], `${name}.q`)
      .node('DequantizeLinear', [`${name}.q`, 'step', 'zero'], `${name}.dq`);
  const conv = (from: string, to: string, cin: number, cout: number): GraphBuilder => {
    const bytes = randoms(cout * cin * 9, cin, 250).map(Math.round);
    graph
      .integers(`${to}.w`, [cout, cin, 3, 3], bytes, 3)
      .node('DequantizeLinear', [`${to}.w`, 'weight.step', 'weight.zero'], `${to}.w.dq`)
      .node('Conv', [from, `${to}.w.dq`], to, { pads: [1, 1, 1, 1] });
    return through(to);
  };
  through('image');
  conv('image.dq', 'c1', 3, 6);
  graph.head('c1.dq', 'exit1', 6, classes);
  conv('c1.dq', 'c2', 6, 8);
  return graph.head('c2.dq', 'exit2', 8, classes);
}
