import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Rung } from '../../src/cascade/cascade.js';
import { cutAtExits } from '../../src/cascade/onnx/cut.js';
import { countMacs, countRungMacs, countStageMacs, nodeMacs } from '../../src/cascade/onnx/macs.js';
import { GraphBuilder, skipNet } from '../support/graphs.js';

const graph = () => new GraphBuilder().image();

describe('MACs', () => {
  it.each([
    ['a plain convolution: out 8x8x4, each of 3*3*3', graph().conv('image', 'y', 3, 4), 8 * 8 * 4 * 27],
    ['a strided convolution: out 4x4', graph().conv('image', 'y', 3, 4, { stride: 2 }), 4 * 4 * 4 * 27],
    ['a depthwise convolution', graph().conv('image', 'y', 3, 3, { group: 3 }), 8 * 8 * 3 * 9],
    [
      'a grouped convolution of 4 channels in 2 groups',
      graph().conv('image', 'x', 3, 4, { kernel: 1 }).conv('x', 'y', 4, 6, { group: 2 }),
      8 * 8 * 4 * 3 + 8 * 8 * 6 * (2 * 9),
    ],
    [
      'a transposed convolution: each of 8x8x3 inputs is spread over 5 channels of 2x2',
      graph()
        .weight('w', [3, 5, 2, 2])
        .node('ConvTranspose', ['image', 'w'], 'y', { strides: [2, 2] }),
      8 * 8 * 3 * 5 * 4,
    ],
    [
      'Gemm with transB',
      graph().node('Flatten', ['image'], 'x').weight('w', [7, 192]).node('Gemm', ['x', 'w'], 'y', { transB: 1 }),
      7 * 192,
    ],
    [
      'no product of weights alone, which is made when the graph is loaded',
      graph()
        .weight('a', [8, 4])
        .weight('b', [4, 2])
        .node('MatMul', ['a', 'b'], 'w')
        .node('MatMul', ['image', 'w'], 'y'),
      3 * 8 * 2 * 8,
    ],
    ['a MatMul batched over the three channels', graph().node('MatMul', ['image', 'image'], 'y'), 3 * 8 * 8 * 8],
    [
      'MatMul with a weight from a Constant node',
      graph().constant('w', [8, 2], Array(16).fill(0)).node('MatMul', ['image', 'w'], 'y'),
      3 * 8 * 2 * 8,
    ],
  ])('counts %s', async (_, builder, macs) => {
    expect(await countMacs(builder.output('y').model(), 8)).toBe(macs);
  });

  it('counts integer convolutions and products', async () => {
    const bytes = new GraphBuilder()
      .input('image', ['n', 'h', 'w', 3], 2)
      .node('Transpose', ['image'], 'x', { perm: [0, 3, 1, 2] });
    bytes.integers('w', [4, 3, 1, 1], Array(12).fill(1), 3).node('ConvInteger', ['x', 'w'], 'a').output('a', 6);
    bytes.integers('m', [8, 5], Array(40).fill(1), 3).node('MatMulInteger', ['x', 'm'], 'b').output('b', 6);
    bytes.weight('s', [], [1]).integers('z', [], [0], 2).integers('wz', [], [0], 3);
    bytes.node('QLinearConv', ['x', 's', 'z', 'w', 's', 'wz', 's', 'z'], 'c').output('c', 2);
    bytes.node('QLinearMatMul', ['x', 's', 'z', 'm', 's', 'wz', 's', 'z'], 'd').output('d', 2);
    expect(await countMacs(bytes.model(), 8)).toBe(2 * (8 * 8 * 4 * 3) + 2 * (3 * 8 * 5 * 8));
  });

  it('reads K from the other axis when Gemm transposes its left matrix', () => {
    const node = graph().node('Gemm', ['a', 'b'], 'y', { transA: 1 }).output('y').model().nodes[0]!;
    const dims: Record<string, number[]> = { a: [3, 2], y: [2, 4] };
    expect(nodeMacs(node, (name) => dims[name]!)).toBe(2 * 4 * 3);
  });

  it('are those of each rung, also where two begin with the same file', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'sluice-macs-'));
    const stage = (file: string, image: string) => ({
      file: join(folder, file),
      inputs: [image],
      features: [],
      logits: 'y',
      temperature: 1,
    });
    for (const [file, channels] of [
      ['shared', 4],
      ['small', 8],
      ['large', 16],
    ] as const)
      await writeFile(join(folder, file), graph().conv('image', 'y', 3, channels).output('y').bytes());
    const rung = (resolution: number, ...files: string[]): Rung => ({
      id: `net/1@${resolution}`,
      backbone: 'net',
      width: 1,
      resolution,
      stages: files.map((file) => stage(file, 'image')),
    });
    const counted = await countRungMacs([
      rung(8, 'shared', 'small'),
      rung(8, 'shared', 'large'),
      rung(16, 'shared', 'small'),
    ]);
    const per = (side: number, channels: number) => side * side * channels * 27;
    expect(counted).toEqual([
      [per(8, 4), per(8, 8)],
      [per(8, 4), per(8, 16)],
      [per(16, 4), per(16, 8)],
    ]);
    await rm(folder, { recursive: true });
  });

  it('are the same staged as whole, at any resolution', async () => {
    const model = skipNet().model();
    const stages = await cutAtExits(model, { resolutions: [16, 24] });
    for (const resolution of [16, 24]) {
      const macs = (await countStageMacs(stages, [resolution]))[0]!;
      expect(macs.reduce((a, b) => a + b)).toBe(await countMacs(model, resolution));
      expect(macs.every((stage) => stage > 0)).toBe(true);
    }
  });

  it('are refused for an operator that would be counted as nothing', async () => {
    const model = graph().node('Einsum', ['image'], 'y').output('y').model();
    await expect(countMacs(model, 8)).rejects.toThrow('test.onnx: Einsum:y: MACs of operator Einsum cannot be counted');
  });
});
