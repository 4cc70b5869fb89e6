import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import proto from 'onnx-proto';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { linesOf, printed, refusal, sluice } from '../support/cli.js';
import { Answer } from '../support/contract.js';
import { GraphBuilder, skipNet } from '../support/graphs.js';
import { FORMATS } from '../support/pictures.js';

const LABELS = ['cat', 'dog', 'eel', 'fox', 'gnu'];
/** Means that a picture of one colour has as its pixels. */
const COLOUR = { r: 10, g: 120, b: 230 };

let folder: string;
let models: string;
let graph: string;
let labels: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-import-'));
  models = join(folder, 'models');
  graph = join(folder, 'skip.onnx');
  labels = join(folder, 'labels.txt');
  await mkdir(models);
  await writeFile(graph, skipNet().bytes());
  await writeFile(labels, `${LABELS.join('\n')}\n`);
});
afterAll(() => rm(folder, { recursive: true }));

const imports = (file: string, cascade: string, ...args: string[]) =>
  sluice(['import', file, '--models', models, '--cascade', cascade, '--backbone', 'skip', ...args]);

describe('an imported graph', () => {
  const rungs = [
    { id: 'skip/1@16', exits: 3 },
    { id: 'skip/1@32', exits: 3 },
  ];
  let policies: string;
  let plain: string;
  let scene: string;

  beforeAll(async () => {
    const both = ['--resolutions', '32,16', '--labels', labels];
    const strong = '0.02,0.02,0.02';
    const runs = await Promise.all([
      imports(graph, 'bytes', ...both, '--uint8', '--mean', Object.values(COLOUR).join(','), '--std', strong),
      imports(graph, 'undone', ...both, '--uint8', '--std', strong),
      imports(graph, 'floats', ...both, '--scale', '0.02', '--kernel', 'linear'),
    ]);
    for (const run of runs) expect(printed(run)).toMatch(/^skip\/1@16: .*\n( {2}exit.*\n){3}(.*\n)*written: .*\n$/m);
    policies = join(folder, 'policies');
    await mkdir(policies);
    const route = [{ rung: 'skip/1@32', thresholds: [0, null, null] }];
    const first = { kind: 'threshold', cascades: { bytes: { route }, floats: { route } } };
    await writeFile(join(policies, 'first.yaml'), stringify(first));
    plain = join(folder, 'plain.png');
    await writeFile(
      plain,
      await sharp({ create: { width: 32, height: 32, channels: 3, background: COLOUR } })
        .png()
        .toBuffer(),
    );
    scene = join(folder, 'scene.png');
    await writeFile(scene, await FORMATS.png(32, 32));
  });

  const classify = async (cascade: string, policy: string, ...files: string[]): Promise<Answer[]> => {
    const where = ['--models', models, '--policies', policies, '--lanes', '1'];
    const run = await sluice(['classify', ...files, ...where, '--cascade', cascade, '--policy', policy, '--json']);
    return linesOf(printed(run)).map((line) => Answer.omit({ id: true }).strip().parse(JSON.parse(line)) as Answer);
  };
  const byLabel = ({ predictions }: Answer) =>
    LABELS.map((label) => predictions.find((prediction) => prediction.label === label)!.probability);

  it('passes validate', async () => {
    const run = await sluice(['validate', '--models', models, '--policies', policies]);
    expect(printed(run)).toBe('3 cascades, 1 policy, 0 errors\n');
  });

  it('shows its rungs to inspect, cheap to dear', async () => {
    const run = await sluice(['inspect', 'floats', '--models', models, '--json']);
    const report = JSON.parse(printed(run)) as { classes: number; rungs: { id: string; exits: unknown[] }[] };
    expect(report.classes).toBe(LABELS.length);
    expect(report.rungs.map(({ id, exits }) => ({ id, exits: exits.length }))).toEqual(rungs);
  });

  it('answers, with mean and std inside the graph', async () => {
    const [grey, colourful] = await classify('bytes', 'full', plain, scene);
    // Pixels that equal the mean are zeros, and skipNet has no bias.
    expect(byLabel(grey!)).toEqual(LABELS.map(() => 0.2));
    expect(Math.max(...byLabel(colourful!))).toBeGreaterThan(0.21);
    expect(colourful!.route).toMatchObject({ backbone: 'skip', width: 1, resolution: 32, exit: 3, reason: 'final' });
  });

  it('answers the same with float input and --scale as with --uint8 and that std', async () => {
    const [[float], [bytes]] = await Promise.all([
      classify('floats', 'full', scene),
      classify('undone', 'full', scene),
    ]);
    expect(Math.max(...byLabel(float!))).toBeGreaterThan(0.21);
    for (const [index, probability] of byLabel(float!).entries()) {
      expect(probability).toBeCloseTo(byLabel(bytes!)[index]!, 4);
    }
  });

  it('can be left at its first exit by a policy', async () => {
    const [answer] = await classify('floats', 'first', scene);
    expect(answer!.route).toMatchObject({ exit: 1, reason: 'confident' });
    expect(answer!.cost.ratio).toBeLessThan(1);
  });

  it('is joined by a second width that brings no labels, and is reported as JSON', async () => {
    const half = join(folder, 'half.onnx');
    await writeFile(half, skipNet(LABELS.length, 0.5).bytes());
    const run = await imports(half, 'joined', '--resolutions', '16', '--labels', labels, '--width', '0.5', '--json');
    expect(JSON.parse(printed(run))).toMatchObject({
      manifest: join(models, 'joined', 'cascade.yaml'),
      rungs: [{ backbone: 'skip', width: 0.5, resolution: 16, stages: [{}, {}, { features: [] }] }],
    });
    printed(await imports(graph, 'joined', '--resolutions', '16'));
    const report = JSON.parse(printed(await sluice(['inspect', 'joined', '--models', models, '--json'])));
    expect(report.rungs.map(({ id }: { id: string }) => id)).toEqual(['skip/0.5@16', 'skip/1@16']);
  });

  it('takes wnids and calibration from files', async () => {
    const tabbed = join(folder, 'tabbed.txt');
    await writeFile(tabbed, LABELS.map((label, i) => `n0${i}\t${label}\r\n`).join(''));
    const calibration = join(folder, 'calibration.json');
    const known = { resolution: 16, temperatures: [1.5, 1.2, 1], accuracy: [0.5, 0.6, 0.7] };
    await writeFile(
      calibration,
      JSON.stringify(
        [
          { width: 1, ...known },
          { ...known, width: 0.5 },
        ],
        null,
        '\t',
      ),
    );
    const args = ['--resolutions', '16', '--labels', tabbed, '--calibration', calibration];
    printed(await imports(graph, 'known', ...args));
    const manifest = parse(await readFile(join(models, 'known', 'cascade.yaml'), 'utf8'));
    expect(manifest.labels).toEqual(LABELS.map((name, i) => ({ name, wnid: `n0${i}` })));
    expect(manifest.rungs).toEqual([{ backbone: 'skip', width: 1, ...known }]);
  });
});

describe('an import is refused, and nothing is written,', () => {
  const fixed = new GraphBuilder().input('picture', [1, 3, 'h', 'w']).head('picture', 'exit1', 3, 5);
  const two = ['cat', 'dog'].join('\n');

  it.each([
    ['for a fixed batch size', { graph: fixed.bytes(), args: [] }, /GRAPH: picture: batch size is fixed to 1/],
    ['for weights outside of the file', { graph: withWeightsOutside(), args: [] }, /GRAPH: \S+: weights lie outside/],
    ['for an unknown exit', { args: ['--exits', 'exit1,exit9'] }, /GRAPH: exit9: .* outputs: exit1, exit2, exit3/],
    ['for too few labels', { labels: two, args: [] }, /labels: found 2 labels; the graph has 5 logits/],
    ['for a file that is no graph', { graph: Buffer.from('hello'), args: [] }, /GRAPH: is not an ONNX model/],
    [
      'for a calibration with a wrong key',
      { calibration: '[{"temperature": [1]}]', args: [] },
      /unknown key "temperature"/,
    ],
    [
      'for a calibration of another resolution only',
      { calibration: '[{"resolution": 24, "temperatures": [1, 1, 1]}]', args: [] },
      /given\.json: has no row for width 1, resolution 16/,
    ],
  ] as [string, Case, RegExp][])('%s', async (_, { args, ...given }, reason) => {
    const file = join(folder, 'given.onnx');
    const names = join(folder, 'given.txt');
    const calibration = join(folder, 'given.json');
    await writeFile(file, given.graph ?? skipNet().bytes());
    await writeFile(names, given.labels ?? LABELS.join('\n'));
    if (given.calibration !== undefined) await writeFile(calibration, given.calibration);
    const before = await readdir(models);
    const calibrated = given.calibration === undefined ? [] : ['--calibration', calibration];
    const common = ['--resolutions', '16', '--labels', names, ...calibrated];
    const sentence = refusal(await imports(file, 'refused', ...common, ...args), 1);
    expect(sentence.replace(file, 'GRAPH')).toMatch(reason);
    expect(await readdir(models)).toEqual(before);
  });

  it('for a new cascade without labels', async () => {
    const sentence = refusal(await imports(graph, 'refused', '--resolutions', '16'), 1);
    expect(sentence).toMatch(/cascade\.yaml: labels: the cascade is new/);
    expect(await readdir(models)).not.toContain('refused');
  });
});

interface Case {
  readonly graph?: Uint8Array;
  readonly labels?: string;
  readonly calibration?: string;
  readonly args: readonly string[];
}

function withWeightsOutside(): Uint8Array {
  const { ModelProto, TensorProto } = proto.onnx;
  const model = ModelProto.decode(skipNet().bytes());
  Object.assign(model.graph!.initializer![0]!, {
    dataLocation: TensorProto.DataLocation.EXTERNAL,
    externalData: [{ key: 'location', value: 'weights.bin' }],
  });
  return ModelProto.encode(model).finish();
}
