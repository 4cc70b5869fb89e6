import { describe, expect, it } from 'vitest';
import { cutAtExits } from '../../src/cascade/onnx/cut.js';
import { countMacs, countStageMacs } from '../../src/cascade/onnx/macs.js';
import { decodeModel, encodeModel } from '../../src/cascade/onnx/model.js';
import { withOwnBytes, withOwnDequantizers } from '../../src/cascade/onnx/quantized.js';
import { largestDifference } from '../../src/cascade/onnx/verify.js';
import { GraphBuilder, quantizedNet, skipNet } from '../support/graphs.js';

const at16 = { resolutions: [16] };
const pool = { kernel_shape: [2, 2], strides: [2, 2] };

describe('cutting at exits', () => {
  it('keeps several tensors across a cut, one of them made in stage 1 and taken in stage 3', async () => {
    const model = skipNet().model();
    const stages = await cutAtExits(model, { resolutions: [16, 32] });
    expect(stages.map(({ exit, inputs, features }) => ({ exit, inputs, features }))).toEqual([
      { exit: 'exit1', inputs: ['image'], features: ['p1', 'skip'] },
      { exit: 'exit2', inputs: ['p1'], features: ['p2'] },
      { exit: 'exit3', inputs: ['skip', 'p2'], features: [] },
    ]);
    // p1: 8 channels of 16x16, skip: 16 of 8x8, p2: 12 of 8x8; four bytes each.
    expect(stages.map((stage) => stage.keptBytes)).toEqual([4 * (2048 + 1024), 4 * (1024 + 768), 0]);
    expect(await largestDifference(model, stages, { resolutions: [16, 24, 32], count: 100 })).toBeLessThan(1e-4);
  });

  it('takes a pool along, because fewer bytes cross after it, but no node with MACs', async () => {
    const model = new GraphBuilder()
      .image()
      .conv('image', 'c1', 3, 8)
      .head('c1', 'exit1', 8, 4)
      .node('Relu', ['c1'], 'r1')
      .node('MaxPool', ['r1'], 'p1', pool)
      .node('Relu', ['p1'], 'r2')
      .conv('r2', 'c2', 8, 2)
      .head('c2', 'exit2', 2, 4)
      .model();
    const [first, second] = await cutAtExits(model, at16);
    expect(first!.features).toEqual(['p1']);
    expect(first!.model.nodes.map((node) => node.op)).toContain('MaxPool');
    expect(second!.inputs).toEqual(['p1']);
    expect(second!.model.nodes.map((node) => node.op)).toEqual([
      'Relu',
      'Conv',
      'GlobalAveragePool',
      'Flatten',
      'Gemm',
    ]);
  });

  it('keeps bytes, not floats, of a quantised feature, and says exactly what the whole graph says', async () => {
    const model = quantizedNet().model();
    const stages = await cutAtExits(model, { resolutions: [16, 32] });
    expect(stages.map(({ inputs, features }) => ({ inputs, features }))).toEqual([
      { inputs: ['image'], features: ['c1.q'] },
      { inputs: ['c1.q'], features: [] },
    ]);
    // 6 channels of 32x32, one byte each.
    expect(stages[0]!.keptBytes).toBe(6 * 32 * 32);
    expect(await largestDifference(model, stages, { resolutions: [16, 32], count: 20 })).toBe(0);
    const floats = new GraphBuilder().image().conv('image', 'c1', 3, 6).conv('c1', 'c2', 6, 8).output('c2').model();
    const macs = await countStageMacs(stages, [32]);
    expect(macs[0]!.reduce((sum, stage) => sum + stage)).toBe((await countMacs(floats, 32)) + 6 * 4 + 8 * 4);
  });

  it('gives every node a zero point and a kernel of its own: the runtime turns them into unsigned bytes one by one', () => {
    const model = quantizedNet().model();
    const own = withOwnBytes(model);
    const takenOf = ({ nodes, initializers }: typeof model) =>
      nodes.flatMap(({ inputs }) => inputs.filter((name) => initializers.get(name)?.dataType === 3));
    expect(new Set(takenOf(model)).size).toBeLessThan(takenOf(model).length);
    expect(new Set(takenOf(own)).size).toBe(takenOf(own).length);
    expect(takenOf(own).filter((name) => takenOf(model).includes(name))).toHaveLength(new Set(takenOf(model)).size);
  });

  it('leaves alone what is an output, and weights', async () => {
    const model = quantizedNet().node('DequantizeLinear', ['c2.q', 'step', 'zero'], 'seen').output('seen').model();
    const own = withOwnDequantizers(model);
    expect(own.nodes.filter((node) => node.outputs[0] === 'seen')).toHaveLength(1);
    expect(own.nodes.filter((node) => node.inputs[0] === 'c1.w')).toHaveLength(1);
    expect(own.nodes.filter((node) => node.inputs[0] === 'c1.q')).toHaveLength(2);
  });

  it('lets the image feed a later stage that needs it', async () => {
    const model = new GraphBuilder()
      .image('x')
      .conv('x', 'a', 3, 2)
      .head('a', 'exit1', 2, 4)
      .conv('x', 'b', 3, 64)
      .head('b', 'exit2', 64, 4)
      .model();
    const stages = await cutAtExits(model, at16);
    expect(stages.map(({ inputs, features }) => ({ inputs, features }))).toEqual([
      { inputs: ['x'], features: [] },
      { inputs: ['x'], features: [] },
    ]);
    expect(stages[0]!.keptBytes).toBe(16 * 16 * 3 * 4);
    expect(await largestDifference(model, stages, { ...at16, count: 8 })).toBeLessThan(1e-4);
  });

  it('copies constants only to the stages that use them, and drops what no exit needs', async () => {
    const model = skipNet().node('Neg', ['gain'], 'unused').node('Sin', ['r3'], 'unused2').model();
    const stages = await cutAtExits(model, at16);
    const constants = stages.map(({ model: { nodes } }) => nodes.filter((node) => node.op === 'Constant').length);
    expect(constants).toEqual([1, 1, 0]);
    const weights = stages.flatMap((stage) => [...stage.model.initializers.keys()]);
    expect(weights.sort()).toEqual([...model.initializers.keys()].sort());
    const ops = stages.flatMap((stage) => stage.model.nodes.map((node) => node.op));
    expect(ops).not.toContain('Neg');
    expect(ops).not.toContain('Sin');
  });

  it('tells apart logits that are a feature as well', async () => {
    const model = new GraphBuilder()
      .image()
      .conv('image', 'c1', 3, 4)
      .head('c1', 'exit1', 4, 4)
      .weight('more', [4, 4])
      .node('MatMul', ['exit1', 'more'], 'exit2')
      .output('exit2')
      .model();
    const stages = await cutAtExits(model, at16);
    expect(stages[0]).toMatchObject({ features: ['exit1'], logits: 'exit1/logits', exit: 'exit1' });
    expect(await largestDifference(model, stages, { ...at16, count: 8 })).toBeLessThan(1e-4);
  });

  it('names spatial sizes that differ between resolutions, keeps the others, and survives being written', async () => {
    const [, second] = await cutAtExits(skipNet().model(), { resolutions: [16, 32] });
    const again = decodeModel(encodeModel(second!.model), 'stage2.onnx');
    expect(again.inputs).toEqual([{ name: 'p1', elemType: 1, dims: ['n', 8, 'p1_dim2', 'p1_dim3'] }]);
    expect(again.opsets).toEqual([{ domain: '', version: 17 }]);
    expect(again.irVersion).toBe(8);
  });

  it('orders exits by their MACs, or as told', async () => {
    const model = skipNet().model();
    const backwards = { ...model, outputs: [...model.outputs].reverse() };
    expect((await cutAtExits(backwards, at16)).map(({ exit }) => exit)).toEqual(['exit1', 'exit2', 'exit3']);
    const told = await cutAtExits(model, { ...at16, exits: ['exit2', 'exit3'] });
    expect(told.map(({ exit }) => exit)).toEqual(['exit2', 'exit3']);
    await expect(cutAtExits(model, { ...at16, exits: ['exit9'] })).rejects.toThrow('exit9: is no output of the graph');
  });

  it('cares for no operator that no exit needs', async () => {
    const model = skipNet().node('LSTM', ['p1'], 'aside').output('aside').model();
    expect(await cutAtExits(model, { ...at16, exits: ['exit1', 'exit2'] })).toHaveLength(2);
    await expect(cutAtExits(model, at16)).rejects.toThrow('MACs of operator LSTM cannot be counted');
  });

  it('refuses exits without work of their own', async () => {
    const model = skipNet().node('Softmax', ['exit1'], 'soft').output('soft').model();
    await expect(cutAtExits(model, at16)).rejects.toThrow('soft: this exit adds no MACs');
  });

  it('refuses a cut that a tensor without a batch axis would have to cross, and names it', async () => {
    const model = new GraphBuilder()
      .image()
      .conv('image', 'c1', 3, 4)
      .node('ReduceMean', ['c1'], 'total', { keepdims: 0 })
      .node('Add', ['c1', 'total'], 'moved')
      .head('moved', 'exit1', 4, 4)
      .conv('c1', 'c2', 4, 4)
      .conv('c2', 'c3', 4, 4)
      .node('Add', ['c3', 'total'], 'moved2')
      .head('moved2', 'exit2', 4, 4)
      .model();
    await expect(cutAtExits(model, at16)).rejects.toThrow(/test\.onnx: exit1: tensor total .* has no batch axis/);
  });
});
