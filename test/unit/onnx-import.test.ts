import { mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { type ImportOptions, importOnnx } from '../../src/cascade/import.js';
import { Manifest } from '../../src/cascade/manifest.js';
import { withHalfWeights } from '../../src/cascade/onnx/half.js';
import { imageInput, pictures } from '../../src/cascade/onnx/image.js';
import { readModel } from '../../src/cascade/onnx/model.js';
import { runOnce } from '../../src/cascade/onnx/session.js';
import { readYaml } from '../../src/config-file.js';
import { GraphBuilder, skipNet } from '../support/graphs.js';

const labels = ['cat', 'dog', { name: 'eel', wnid: 'n01' }, 'fox', 'gnu'];
let directory: string;
let options: ImportOptions;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sluice-'));
  const file = join(directory, 'whole.onnx');
  await writeFile(file, skipNet().bytes());
  options = { file, into: join(directory, 'tiny'), backbone: 'skip', resolutions: [16, 32], labels, uint8: true };
});

const manifest = () => readYaml(Manifest, join(directory, 'tiny', 'cascade.yaml'));

describe('importing a graph', () => {
  it('writes stages and a manifest, and reports what each stage costs', async () => {
    const calibration = [{ resolution: 16, temperatures: [1.5, 1.2, 1], accuracy: [0.5, 0.6, 0.7] }];
    const report = await importOnnx({ ...options, calibration, description: 'test', kernel: 'linear' });
    expect(report.difference).toBeLessThan(1e-4);
    expect(report.rungs.map((rung) => [rung.resolution, rung.stages.length])).toEqual([
      [16, 3],
      [32, 3],
    ]);
    expect(report.rungs[1]!.stages[1]).toMatchObject({
      exit: 'exit2',
      macs: 16 * 16 * 12 * 8 * 9 + 12 * 5,
      inputs: ['p1'],
    });
    const read = await manifest();
    expect(read.input).toEqual({ layout: 'nhwc-uint8', tensor: 'image', scale: 1, kernel: 'linear' });
    expect(read.rungs[0]).toEqual({ backbone: 'skip', width: 1, ...calibration[0] });
    expect(read.graphs[0]!.stages[0]).toEqual({
      file: 'skip-w1-r16-32-stage1.onnx',
      inputs: ['image'],
      features: ['p1', 'skip'],
      logits: 'exit1',
    });
    expect((await readdir(options.into)).sort()).toEqual([
      'cascade.yaml',
      'skip-w1-r16-32-stage1.onnx',
      'skip-w1-r16-32-stage2.onnx',
      'skip-w1-r16-32-stage3.onnx',
    ]);
    const text = await readFile(report.manifest, 'utf8');
    expect(text).toContain('features: [p1, skip]');
    expect(text).toContain('temperatures: [1.5, 1.2, 1]');
  });

  it('merges a second width, keeps comments, and sorts rungs by MACs', async () => {
    const { manifest: yaml } = await importOnnx(options);
    await writeFile(yaml, (await readFile(yaml, 'utf8')).replace('labels:', '# animals of the yard\nlabels:'));
    const half = join(directory, 'half.onnx');
    await writeFile(half, skipNet(5, 0.5).bytes());
    const { labels: _, ...withoutLabels } = options;
    await importOnnx({ ...withoutLabels, file: half, width: 0.5 });
    await importOnnx({ ...withoutLabels, file: half, width: 0.5, exits: ['exit1', 'exit3'] });
    const read = await manifest();
    expect(read.labels).toEqual(labels);
    expect(read.graphs.map((graph) => [graph.width, graph.stages.length])).toEqual([
      [1, 3],
      [0.5, 2],
    ]);
    expect(read.rungs.map((rung) => [rung.width, rung.resolution])).toEqual([
      [0.5, 16],
      [1, 16],
      [0.5, 32],
      [1, 32],
    ]);
    expect(await readFile(yaml, 'utf8')).toContain('# animals of the yard');
    expect(await readdir(options.into)).not.toContain('skip-w0.5-r16-32-stage3.onnx');
  });

  it('takes floats for dearer than the same network in fewer bits, whichever is imported last', async () => {
    const bits = { ...options, half: true, backbone: 'half' };
    for (const each of [options, bits, options, bits]) {
      await importOnnx(each);
      if (each === options) continue;
      const read = await manifest();
      expect(read.graphs.map(({ backbone }) => backbone)).toEqual(['skip', 'half']);
      expect(read.rungs.map(({ backbone, resolution }) => `${backbone}@${resolution}`)).toEqual([
        'half@16',
        'skip@16',
        'half@32',
        'skip@32',
      ]);
    }
  });

  it('can store weights in 16 bits: half the file, the same MACs, nearly the same logits', async () => {
    const full = await importOnnx(options);
    const half = await importOnnx({ ...options, half: true, into: join(directory, 'half') });
    const macs = (report: typeof full) => report.rungs.map((rung) => rung.macs);
    expect(macs(half)).toEqual(macs(full));
    const bytes = (report: typeof full) =>
      report.rungs[0]!.stages.reduce((sum, stage) => sum + stage.parameterBytes, 0);
    expect(bytes(half) / bytes(full)).toBeLessThan(0.6);
    const whole = await readModel(options.file);
    const input = imageInput(whole);
    let pixel = 0;
    const feeds = { [input.name]: pictures(input, 2, 16, () => (pixel = (pixel + 37) % 256)) };
    const [exact, rounded] = [await runOnce(whole, feeds), await runOnce(withHalfWeights(whole), feeds)];
    const [a, b] = [exact.exit3!.data as Float32Array, rounded.exit3!.data as Float32Array];
    const worst = Math.max(...a.map((value, i) => Math.abs(value - b[i]!)));
    expect(worst).toBeGreaterThan(0);
    expect(worst / Math.max(...a.map(Math.abs))).toBeLessThan(0.01);
  });

  it('keeps the scales of 8-bit weights in 32 bits, of which there is one a channel', async () => {
    const [channels, classes] = [300, 5];
    const graph = new GraphBuilder()
      .image()
      .integers('w8', [channels, 3, 1, 1], Array(channels * 3).fill(1), 3)
      .weight('scale', [channels], Array(channels).fill(2e-5))
      .integers('zero', [channels], Array(channels).fill(0), 3)
      .node('DequantizeLinear', ['w8', 'scale', 'zero'], 'w', { axis: 0 })
      .node('Conv', ['image', 'w'], 'x')
      .head('x', 'y', channels, classes)
      .model();
    const { initializers } = withHalfWeights(graph);
    expect(initializers.get('scale')).toEqual(graph.initializers.get('scale'));
    expect(initializers.has('y.w')).toBe(false);
  });

  it('takes heads that ask the picture for the size of the batch, as x.view(x.shape[0], -1) is exported', async () => {
    const graph = new GraphBuilder()
      .image()
      .node('Shape', ['image'], 'shape')
      .integers('first', [1], [0])
      .integers('last', [1], [-1])
      .node('Gather', ['shape', 'first'], 'n', { axis: 0 })
      .node('Concat', ['n', 'last'], 'flat', { axis: 0 })
      .conv('image', 'a', 3, 4)
      .conv('a', 'b', 4, 8, { stride: 2 });
    for (const [from, exit, channels] of [
      ['a', 'exit1', 4],
      ['b', 'exit2', 8],
    ] as const)
      graph
        .node('GlobalAveragePool', [from], `${exit}.pool`)
        .node('Reshape', [`${exit}.pool`, 'flat'], `${exit}.flat`)
        .weight(`${exit}.w`, [5, channels])
        .node('Gemm', [`${exit}.flat`, `${exit}.w`], exit, { transB: 1 })
        .output(exit);
    const file = join(directory, 'view.onnx');
    await writeFile(file, graph.bytes());
    const { difference } = await importOnnx({ ...options, file });
    expect(difference).toBeLessThan(1e-4);
    expect((await manifest()).graphs[0]!.stages.map(({ features }) => features)).toEqual([['a'], []]);
  });

  it('takes such shapes also where 0 means none, and leaves weights alone whose shape the picture decides', async () => {
    const graph = new GraphBuilder()
      .image()
      .node('Shape', ['image'], 'shape')
      .integers('first', [1], [0])
      .integers('second', [1], [1])
      .integers('one', [1], [1])
      .integers('last', [1], [-1])
      .node('Gather', ['shape', 'first'], 'n', { axis: 0 })
      .node('Gather', ['shape', 'second'], 'c', { axis: 0 })
      .node('Concat', ['n', 'last'], 'flat', { axis: 0 })
      .node('Concat', ['one', 'c', 'one', 'one'], 'across', { axis: 0 })
      .weight('gain', [3])
      .node('Reshape', ['gain', 'across'], 'gains')
      .node('Mul', ['image', 'gains'], 'scaled')
      .conv('scaled', 'a', 3, 4)
      .node('GlobalAveragePool', ['a'], 'pool')
      .node('Reshape', ['pool', 'flat'], 'features', { allowzero: 1 })
      .weight('w', [5, 4])
      .node('Gemm', ['features', 'w'], 'y', { transB: 1 })
      .output('y');
    const file = join(directory, 'zero.onnx');
    await writeFile(file, graph.bytes());
    expect((await importOnnx({ ...options, file })).difference).toBeLessThan(1e-4);
  });

  it('wants the order of the exits where calibration could be of other ones', async () => {
    // The first exit has a dear head.
    const graph = new GraphBuilder()
      .image()
      .conv('image', 'a', 3, 4)
      .conv('a', 'wide', 4, 64)
      .head('wide', 'exit1', 64, 5)
      .conv('a', 'b', 4, 4, { kernel: 1 })
      .head('b', 'exit2', 4, 5);
    const file = join(directory, 'heavy.onnx');
    await writeFile(file, graph.bytes());
    const heavy = { ...options, file, resolutions: [16], calibration: [{ resolution: 16, temperatures: [2, 1] }] };
    await expect(importOnnx(heavy)).rejects.toThrow(
      /exits: the graph has exit1, exit2; by what they cost.*exit2, exit1/,
    );
    await importOnnx({ ...heavy, exits: ['exit1', 'exit2'] });
    expect((await manifest()).rungs[0]!.temperatures).toEqual([2, 1]);
    expect((await manifest()).graphs[0]!.stages.map(({ logits }) => logits)).toEqual(['exit1', 'exit2']);
  });

  it('refuses a graph whose answers depend on the other pictures of a batch', async () => {
    const graph = new GraphBuilder()
      .image()
      .integers('batch', [1], [0])
      .node('ReduceMean', ['image'], 'mean', { axes: [0], keepdims: 1 })
      .node('Sub', ['image', 'mean'], 'centred')
      .conv('centred', 'x', 3, 4)
      .head('x', 'y', 4, 5);
    const file = join(directory, 'mixing.onnx');
    await writeFile(file, graph.bytes());
    await expect(importOnnx({ ...options, file })).rejects.toThrow(
      /y: logits of a picture change with those beside it/,
    );
  });

  it('does not write over what another import wrote meanwhile', async () => {
    const other = join(directory, 'other.onnx');
    await writeFile(other, skipNet().bytes());
    const both = await Promise.allSettled([
      importOnnx({ ...options, resolutions: [16] }),
      importOnnx({ ...options, file: other, backbone: 'other', resolutions: [32] }),
    ]);
    const done = both.flatMap((each) => (each.status === 'fulfilled' ? each.value.rungs : []));
    const read = await manifest();
    expect(read.rungs.map(({ backbone }) => backbone).sort()).toEqual(done.map(({ backbone }) => backbone).sort());
  });

  it('keeps in 32 bits what 16 cannot hold', async () => {
    const whole = await readModel(options.file);
    const [name, tensor] = [...whole.initializers].find(([, { dims }]) => dims!.length === 4)!;
    const initializers = new Map(whole.initializers).set(name, {
      ...tensor,
      floatData: [1e5, ...tensor.floatData!.slice(1)],
    });
    const half = withHalfWeights({ ...whole, initializers });
    expect(half.initializers.get(name)).toEqual(initializers.get(name));
  });

  it('can leave float input as it is', async () => {
    const report = await importOnnx({ ...options, uint8: false, scale: 255 });
    expect(report.difference).toBeLessThan(1e-4);
    expect((await manifest()).input).toMatchObject({ layout: 'nchw-float32', tensor: 'image', scale: 255 });
  });

  it('refuses what does not fit, and then writes nothing', async () => {
    const { labels: _, ...withoutLabels } = options;
    await expect(importOnnx(withoutLabels)).rejects.toThrow('labels: the cascade is new');
    await expect(importOnnx({ ...options, labels: ['a', 'b'] })).rejects.toThrow(
      'found 2 labels; the graph has 5 logits',
    );
    const calibration = [{ resolution: 16, temperatures: [1] }];
    await expect(importOnnx({ ...options, calibration })).rejects.toThrow('found 1 values at 16 pixels; exits: 3');
    await expect(importOnnx({ ...options, uint8: false, mean: [1, 2, 3] })).rejects.toThrow('uint8 input only');
    const cold = join(directory, 'nan.onnx');
    await writeFile(
      cold,
      new GraphBuilder().image().node('Log', ['image'], 'l').conv('l', 'c', 3, 2).head('c', 'y', 2, 5).bytes(),
    );
    await expect(importOnnx({ ...options, file: cold })).rejects.toThrow('are not all finite');
    const normalised = { mean: [123.7, 116.3, 103.5], std: [0.229, 0.224, 0.225] };
    await expect(importOnnx({ ...options, ...normalised })).rejects.toThrow(
      'std: found [0.229, 0.224, 0.225]; pixel values are 0..255; where a recipe means 0..1: 58.395,57.12,57.375',
    );
    const sure = join(directory, 'softmax.onnx');
    const net = new GraphBuilder().image().conv('image', 'c', 3, 2).head('c', 'z', 2, 5).node('Softmax', ['z'], 'y');
    await writeFile(sure, net.output('y').bytes());
    await expect(importOnnx({ ...options, file: sure, exits: ['y'] })).rejects.toThrow(
      'y: gives probabilities: each row sums to 1, nothing in it is below 0; allowed: logits',
    );
    expect(await readdir(directory)).not.toContain('tiny');
  });

  it('takes ids for labels that had none, and keeps those that had', async () => {
    const named = ['cat', 'dog', 'eel', 'fox', { name: 'gnu', wnid: 'n05' }];
    await importOnnx(options);
    await importOnnx({ ...options, labels: named });
    expect((await manifest()).labels).toEqual([
      'cat',
      'dog',
      { name: 'eel', wnid: 'n01' },
      'fox',
      { name: 'gnu', wnid: 'n05' },
    ]);
  });

  it('takes away the stage files of a graph whose resolutions were imported anew, one by one', async () => {
    await importOnnx(options);
    for (const resolution of [16, 32]) await importOnnx({ ...options, resolutions: [resolution] });
    const files = (await readdir(options.into)).filter((name) => name.endsWith('.onnx'));
    expect(files.length).toBeGreaterThan(0);
    expect(files.filter((name) => name.includes('-r16-32-'))).toEqual([]);
  });

  it('refuses a graph that the cascade cannot share labels or input with', async () => {
    await importOnnx(options);
    const before = await readFile(join(options.into, 'cascade.yaml'), 'utf8');
    await expect(importOnnx({ ...options, uint8: false, width: 0.5 })).rejects.toThrow(
      'input.layout: found nhwc-uint8',
    );
    const others = ['cat', 'dog', 'eel', 'fox', 'yak'];
    await expect(importOnnx({ ...options, labels: others })).rejects.toThrow('"yak" as label 4');
    expect(await readFile(join(options.into, 'cascade.yaml'), 'utf8')).toBe(before);
  });
});
