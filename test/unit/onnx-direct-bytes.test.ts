import { describe, expect, it } from 'vitest';
import { withDirectBytes } from '../../src/cascade/onnx/direct-bytes.js';
import { imageInput, pictures } from '../../src/cascade/onnx/image.js';
import { withByteInput } from '../../src/cascade/onnx/input.js';
import type { OnnxModel } from '../../src/cascade/onnx/model.js';
import { runOnce } from '../../src/cascade/onnx/session.js';
import { GraphBuilder } from '../support/graphs.js';

/** (pixels - mean) / std in 8 bits, then a convolution. */
function quantised({ scale = 1 / 128, zero = 127, zeroType = 2, peek = false } = {}): OnnxModel {
  const graph = new GraphBuilder()
    .image('pixels')
    .weight('mean', [1], [127])
    .weight('std', [1], [128])
    .weight('scale', [], [scale])
    .integers('zero', [], [zero], zeroType)
    .weight('kernel', [4, 3, 3, 3])
    .node('Sub', ['pixels', 'mean'], 'less')
    .node('Div', ['less', 'std'], 'ready')
    .node('QuantizeLinear', ['ready', 'scale', 'zero'], 'bytes')
    .node('DequantizeLinear', ['bytes', 'scale', 'zero'], 'x')
    .node('Conv', ['x', 'kernel'], 'y')
    .node('GlobalAveragePool', [peek ? 'ready' : 'y'], 'peek')
    .node('GlobalAveragePool', ['y'], 'mean4')
    .node('Flatten', ['mean4'], 'exit1')
    .output('exit1')
    .output('peek');
  return withByteInput(graph.model());
}

const ops = (model: OnnxModel) => model.nodes.map((node) => node.op).join(' ');

describe('normalising and quantising that give back the bytes of the picture', () => {
  it('are left out, and every logit stays what it was', async () => {
    const long = quantised();
    const short = await withDirectBytes(long, 20);
    expect(ops(short)).toBe('Transpose DequantizeLinear Conv GlobalAveragePool GlobalAveragePool Flatten');
    expect([...short.initializers.keys()].sort()).toEqual(['kernel', 'scale', 'zero']);
    let at = 0;
    const batch = pictures(imageInput(short), 2, 20, () => at++ % 256);
    const [wanted, found] = [await runOnce(long, { image: batch }), await runOnce(short, { image: batch })];
    expect(found.exit1!.data).toEqual(wanted.exit1!.data);
  });

  it.each([
    ['another scale', quantised({ scale: 1 / 127.5 })],
    ['another zero', quantised({ zero: 128 })],
    ['8 bits with a sign', quantised({ zero: -1, zeroType: 3 })],
    ['somebody else who takes the floats', quantised({ peek: true })],
  ])('stay where they matter: %s', async (_, model) => {
    expect(await withDirectBytes(model, 20)).toBe(model);
  });

  it('are not looked for in a graph that takes floats and turns them round itself', async () => {
    const graph = new GraphBuilder()
      .image()
      .weight('scale', [], [1])
      .integers('zero', [], [0], 2)
      .node('Transpose', ['image'], 'turned', { perm: [0, 2, 3, 1] })
      .node('QuantizeLinear', ['turned', 'scale', 'zero'], 'bytes')
      .node('DequantizeLinear', ['bytes', 'scale', 'zero'], 'x')
      .node('ReduceMean', ['x'], 'exit1', { axes: [1, 2], keepdims: 0 })
      .output('exit1');
    const model = graph.model();
    expect(await withDirectBytes(model, 20)).toBe(model);
  });

  it('are not looked for in a graph of floats', async () => {
    const graph = new GraphBuilder().image().weight('kernel', [4, 3, 3, 3]).node('Conv', ['image', 'kernel'], 'y');
    const plain = graph.node('GlobalAveragePool', ['y'], 'z').node('Flatten', ['z'], 'exit1').output('exit1');
    const model = plain.model();
    expect(await withDirectBytes(model, 20)).toBe(model);
    expect(await withDirectBytes(withByteInput(model), 20)).toMatchObject({ inputs: [{ name: 'image' }] });
  });
});
