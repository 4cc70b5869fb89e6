import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { loadRepository } from '../../src/cascade/loader.js';
import { encodeModel, readModel } from '../../src/cascade/onnx/model.js';
import type { ConfigError } from '../../src/errors.js';
import { Gateway } from '../../src/gateway/gateway.js';
import { loadPolicies } from '../../src/policy/loader.js';
import { configErrorOf } from '../support/config-error.js';
import { MODELS, POLICIES } from '../support/gateway.js';
import { jpeg } from '../support/pictures.js';

let models: string;
beforeEach(async () => {
  models = await mkdtemp(join(tmpdir(), 'sluice-models-'));
});
afterEach(() => rm(models, { recursive: true }));

const stage = (file: string) => ({ file, inputs: ['image'], features: [], logits: 'exit' });
/** Two rungs of one graph with two exits. */
const manifest = () => ({
  description: 'two rungs',
  labels: ['cat', { name: 'dog', wnid: 'n02084071' }],
  input: { layout: 'nhwc-uint8', tensor: 'image' },
  graphs: [{ backbone: 'net', width: 0.5, resolutions: [24, 32], stages: [stage('a.onnx'), stage('b.onnx')] }],
  rungs: [
    { backbone: 'net', width: 0.5, resolution: 24, temperatures: [1.5, 2], accuracy: [0.7, 0.8] },
    { backbone: 'net', width: 0.5, resolution: 32 },
  ] as { backbone: string; width: number; resolution: number; temperatures?: number[]; accuracy?: number[] }[],
});

/** A folder with a cascade.yaml and two stage files, which loading does not open. */
async function put(name: string, yaml: object | string): Promise<string> {
  const folder = join(models, name);
  await mkdir(folder);
  await writeFile(join(folder, 'a.onnx'), '');
  await writeFile(join(folder, 'b.onnx'), '');
  const file = join(folder, 'cascade.yaml');
  await writeFile(file, typeof yaml === 'string' ? yaml : stringify(yaml));
  return file;
}

describe('the model repository', () => {
  it('holds a cascade in each folder with a cascade.yaml, and nothing else', async () => {
    const file = await put('photos', manifest());
    await mkdir(join(models, 'empty'));
    await writeFile(join(models, 'README.md'), 'not a cascade');
    const { cascades, broken } = await loadRepository(models);
    expect(broken).toEqual([]);
    expect(cascades.length).toBe(1);
    expect(cascades[0]).toMatchObject({
      name: 'photos',
      file,
      description: 'two rungs',
      labels: [{ name: 'cat' }, { name: 'dog', wnid: 'n02084071' }],
      input: { layout: 'nhwc-uint8', tensor: 'image', scale: 1, kernel: 'cubic' },
    });
  });

  it('gives each rung its stages, with paths and temperatures; 1 where none are given', async () => {
    await put('photos', manifest());
    const { rungs } = (await loadRepository(models)).cascades[0]!;
    expect(rungs.map(({ id }) => id)).toEqual(['net/0.5@24', 'net/0.5@32']);
    expect(rungs.map(({ accuracy }) => accuracy)).toEqual([[0.7, 0.8], undefined]);
    expect(rungs.map(({ stages }) => stages.map(({ temperature }) => temperature))).toEqual([
      [1.5, 2],
      [1, 1],
    ]);
    const files = ['a.onnx', 'b.onnx'].map((file) => join(models, 'photos', file));
    for (const { stages } of rungs) expect(stages.map(({ file }) => file)).toEqual(files);
  });

  it('may hold symbolic links to folders, as mounted volumes do', async () => {
    await put('photos', manifest());
    await symlink(join(models, 'photos'), join(models, 'current'));
    expect((await loadRepository(models)).cascades.map(({ name }) => name)).toEqual(['current', 'photos']);
  });

  it('names what was meant for a cascade and cannot be one', async () => {
    await mkdir(join(models, 'dangling'));
    await symlink(join(models, 'nowhere'), join(models, 'dangling', 'cascade.yaml'));
    await mkdir(join(models, 'short'));
    await writeFile(join(models, 'short', 'cascade.yml'), stringify(manifest()));
    const { cascades, broken } = await loadRepository(models);
    expect(cascades).toEqual([]);
    expect(broken.map(({ message }) => message)).toEqual([
      expect.stringMatching(/dangling\/cascade\.yaml.*ENOENT/),
      expect.stringMatching(/short\/cascade\.yaml.*found cascade\.yml; allowed: cascade\.yaml/),
    ]);
  });

  it.skipIf(process.getuid?.() === 0)('passes over folders of the volume that nobody may look into', async () => {
    await mkdir(join(models, 'lost+found'), { mode: 0 });
    expect(await loadRepository(models)).toEqual({ cascades: [], broken: [] });
  });

  it('has one default cascade at most: a second is left out, and the error names the first', async () => {
    const first = await put('birds', { ...manifest(), default: true });
    const second = await put('photos', { ...manifest(), default: true });
    await put('animals', manifest());
    const { cascades, broken } = await loadRepository(models);
    expect(cascades.map(({ name, isDefault }) => [name, isDefault])).toEqual([
      ['animals', false],
      ['birds', true],
    ]);
    expect(broken).toEqual([
      expect.objectContaining({ file: second, key: 'default', reason: expect.stringContaining(first) }),
    ]);
  });

  it('is an error when it does not exist', async () => {
    const missing = join(models, 'missing');
    expect(await configErrorOf(() => loadRepository(missing))).toMatchObject({
      file: missing,
      reason: expect.stringContaining('ENOENT'),
    });
  });

  it.each<[string, string, RegExp, (good: ReturnType<typeof manifest>) => object | string]>([
    ['YAML that does not parse', '', /not valid YAML.*line 1/, () => 'labels: [cat'],
    ['an alias of nothing', '', /YAML/, () => 'labels: *nobody'],
    ['no labels', 'labels', /found nothing/, ({ labels: _, ...rest }) => rest],
    ['a single label', 'labels', /2/, (good) => ({ ...good, labels: ['cat'] })],
    ['an unknown key', '', /unknown key "macs"/, (good) => ({ ...good, macs: 5 })],
    [
      'an unknown layout',
      'input.layout',
      /found "chw".*nhwc-uint8/,
      (good) => ({ ...good, input: { ...good.input, layout: 'chw' } }),
    ],
    [
      'a resolution of 0',
      'graphs[0].resolutions[0]',
      /found 0/,
      (good) => {
        good.graphs[0]!.resolutions = [0];
        return good;
      },
    ],
    [
      'a stage file that is missing',
      'graphs[0].stages[1].file',
      /c\.onnx does not exist/,
      (good) => {
        good.graphs[0]!.stages[1]!.file = 'c.onnx';
        return good;
      },
    ],
    ...['../a.onnx', '/tmp/a.onnx', 'deep/../../a.onnx'].map(
      (path): [string, string, RegExp, (good: ReturnType<typeof manifest>) => object] => [
        `a stage file elsewhere (${path})`,
        'graphs[0].stages[1].file',
        /in the folder of cascade\.yaml or below it/,
        (good) => {
          good.graphs[0]!.stages[1]!.file = path;
          return good;
        },
      ],
    ),
    [
      'two graphs for a rung',
      'graphs[1].resolutions',
      /net\/0\.5@24 has another graph before/,
      (good) => {
        good.graphs.push({ ...good.graphs[0]!, resolutions: [24] });
        return good;
      },
    ],
    [
      'a rung without a graph',
      'rungs[1]',
      /net\/1@32.*net\/0\.5@24, net\/0\.5@32/,
      (good) => {
        good.rungs[1]!.width = 1;
        return good;
      },
    ],
    [
      'a rung at a resolution that no graph was made for',
      'rungs[0]',
      /net\/0\.5@48/,
      (good) => {
        good.rungs[0]!.resolution = 48;
        return good;
      },
    ],
    [
      'too many temperatures',
      'rungs[0].temperatures',
      /3 numbers.*2 exits/,
      (good) => {
        good.rungs[0]!.temperatures = [1, 1, 1];
        return good;
      },
    ],
    [
      'too few accuracies',
      'rungs[1].accuracy',
      /1 numbers.*2 exits/,
      (good) => {
        good.rungs[1]!.accuracy = [0.5];
        return good;
      },
    ],
    [
      'a temperature of 0',
      'rungs[0].temperatures[1]',
      /found 0/,
      (good) => {
        good.rungs[0]!.temperatures = [1, 0];
        return good;
      },
    ],
    [
      'a rung that is there twice',
      'rungs[2]',
      /net\/0\.5@24 is listed twice/,
      (good) => {
        good.rungs.push(good.rungs[0]!);
        return good;
      },
    ],
  ])(
    'names file, key and reason of a cascade with %s, and loads the good one beside it',
    async (_, key, reason, spoil) => {
      await put('good', manifest());
      const file = await put('bad', spoil(manifest()));
      const { cascades, broken } = await loadRepository(models);
      expect(cascades.map(({ name }) => name)).toEqual(['good']);
      expect(broken.map((error) => ({ file: error.file, key: error.key }))).toEqual([{ file, key }]);
      expect(broken[0]!.reason).toMatch(reason);
    },
  );
});

describe('a gateway', () => {
  const folderOf = (name: string) => join(models, name);
  async function copy(name: string, spoil: (yaml: ReturnType<typeof manifest>) => void): Promise<void> {
    const wanted = (file: string) => !file.includes('whole');
    await cp(`${MODELS}/cifar10`, folderOf(name), { recursive: true, filter: wanted });
    const file = join(folderOf(name), 'cascade.yaml');
    const yaml = parse(await readFile(file, 'utf8'));
    spoil(yaml);
    await writeFile(file, stringify(yaml));
  }

  it('reports cascades that only their graphs show to be broken, once each, and serves the others', async () => {
    await copy('cifar10', () => {});
    await copy('nine-labels', (yaml) => yaml.labels.pop());
    await copy('no-tensor', (yaml) => {
      yaml.graphs[0]!.stages[1]!.logits = 'exit9';
    });
    await copy('no-graph', () => {});
    await writeFile(join(folderOf('no-graph'), 'slimnet-w1-r32-stage4.onnx'), 'words');
    await copy('uncounted', () => {});
    await writeFile(
      join(folderOf('uncounted'), 'slimnet-w0.5-r24-stage1.onnx'),
      await einsumInFront('slimnet-w0.5-r24-stage1.onnx'),
    );
    const broken: ConfigError[] = [];
    const { cascades, broken: unreadable } = await loadRepository(models);
    expect(unreadable).toEqual([]);
    await using gateway = new Gateway(
      {
        cascades,
        policies: (await loadPolicies(POLICIES)).policies,
        lanes: 2,
        threads: 1,
        maxPixels: 1e6,
        queue: 10,
        queueBytes: 1_000_000_000,
        defaultPolicy: 'full',
      },
      { broken: (error) => broken.push(error) },
    );
    await gateway.start();
    const reports = broken.map(({ file, key, reason }) => ({ file, key, reason }));
    expect(reports).toEqual([
      {
        file: join(folderOf('nine-labels'), 'slimnet-w0.5-r24-stage1.onnx'),
        key: 'exit1',
        reason: expect.stringMatching(/\b10\b.*9 labels.*nine-labels is left out/),
      },
      {
        file: join(folderOf('no-graph'), 'slimnet-w1-r32-stage4.onnx'),
        key: '',
        reason: expect.stringMatching(/not a graph.*no-graph is left out/),
      },
      {
        file: join(folderOf('no-tensor'), 'slimnet-w0.5-r24-stage2.onnx'),
        key: 'outputs',
        reason: expect.stringMatching(/exit9.*no-tensor is left out/),
      },
      {
        file: join(folderOf('uncounted'), 'slimnet-w0.5-r24-stage1.onnx'),
        key: 'einsum',
        reason: expect.stringMatching(/Einsum cannot be counted.*uncounted is left out/),
      },
    ]);
    expect(gateway.cascades.map(({ name }) => name)).toEqual(['cifar10']);
    const asked = { image: await jpeg(), top: 1, deadlineAt: Number.POSITIVE_INFINITY, explain: false };
    expect((await gateway.classify(asked)).plan.cascade).toBe('cifar10');
    await expect(gateway.classify({ ...asked, cascade: 'nine-labels' })).rejects.toMatchObject({
      code: 'unknown_cascade',
    });
  });
});

/** A stage of ours whose logits go through an Einsum: it runs, but what it costs cannot be told. */
async function einsumInFront(file: string): Promise<Uint8Array> {
  const model = await readModel(`${MODELS}/cifar10/${file}`);
  const nodes = model.nodes.map((node) => ({
    ...node,
    outputs: node.outputs.map((name) => (name === 'exit1' ? 'before' : name)),
  }));
  const equation = { name: 'equation', type: 3, s: Buffer.from('ij->ij') };
  const einsum = {
    op: 'Einsum',
    domain: '',
    inputs: ['before'],
    outputs: ['exit1'],
    attributes: [equation],
    name: 'einsum',
  };
  return encodeModel({ ...model, nodes: [...nodes, einsum] });
}
