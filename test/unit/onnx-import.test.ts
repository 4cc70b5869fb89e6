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
