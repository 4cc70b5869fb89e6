/** Takes one ONNX file with several exits into a cascade: cuts it, proves the cut, writes stage files and cascade.yaml. */

import { mkdir, open, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigError } from '../errors.js';
import {
  type Calibration,
  type CascadeInput,
  type LabelSpec,
  mergeManifest,
  readManifest,
  sum,
  writtenManifest,
} from './import-manifest.js';
import type { Manifest } from './manifest.js';
import { cutAtExits, type StageGraph } from './onnx/cut.js';
import { withDirectBytes } from './onnx/direct-bytes.js';
import { withHalfWeights } from './onnx/half.js';
import { imageInput } from './onnx/image.js';
import { withByteInput } from './onnx/input.js';
import { countStageMacs } from './onnx/macs.js';
import { encodeModel, type OnnxModel, parameterBytes, readModel } from './onnx/model.js';
import { tensorShapes } from './onnx/shapes.js';
import { largestDifference } from './onnx/verify.js';

/** What to import, and as what. */
export interface ImportOptions {
  /** ONNX file with all exits as outputs. */
  readonly file: string;
  /** Directory of the cascade; made when it is not there. */
  readonly into: string;
  readonly backbone: string;
  readonly width?: number | undefined;
  /** Sides in pixels; each becomes a rung. */
  readonly resolutions: readonly number[];
  /** In the order of the logits. Needed for a new cascade. */
  readonly labels?: readonly LabelSpec[] | undefined;
  /** Outputs to use, shallow to deep; default: all, by the MACs that they need. */
  readonly exits?: readonly string[] | undefined;
  /** Whether to store weights in 16 bits. */
  readonly half?: boolean | undefined;
  /** Whether to put uint8 input and the normalisation in front of a graph that takes float32. */
  readonly uint8: boolean;
  /** Per channel, in pixel values 0..255; only with `uint8`. */
  readonly mean?: readonly number[] | undefined;
  readonly std?: readonly number[] | undefined;
  /** Graphs that keep their float32 input: pixel values are divided by it before. */
  readonly scale?: number | undefined;
  readonly kernel?: Manifest['input']['kernel'] | undefined;
  readonly calibration?: readonly Calibration[] | undefined;
  readonly description?: string | undefined;
}

/** One stage at one resolution. */
export interface ImportedStage {
  readonly file: string;
  readonly exit: string;
  readonly inputs: readonly string[];
  readonly features: readonly string[];
  readonly logits: string;
  /** For one picture. */
  readonly macs: number;
  /** Of the weights in the stage file. */
  readonly parameterBytes: number;
  /** Per picture, kept past this stage for later ones, at the largest resolution. */
  readonly featureBytes: number;
}

/** What an import did. */
export interface ImportReport {
  readonly manifest: string;
  readonly rungs: readonly {
    readonly backbone: string;
    readonly width: number;
    readonly resolution: number;
    /** To the last exit, for one picture. */
    readonly macs: number;
    readonly stages: readonly ImportedStage[];
  }[];
  /** Largest |logit of the stages - logit of the whole graph| on the random pictures, where logits are above 1 of the largest one. */
  readonly difference: number;
}

/** Above this a cut is wrong, not just rounded otherwise. */
const tolerance = 1e-4;
const picturesPerResolution = 8;

/**
 * Imports a graph. Nothing is written unless the stages agree with the whole graph on random pictures; stage files are complete
 * before the first takes its name, and cascade.yaml is replaced last.
 * @throws ConfigError for a graph that cannot be served or cut, options that do not fit it, and a cascade that it does not fit
 */
export async function importOnnx(options: ImportOptions): Promise<ImportReport> {
  const width = options.width ?? 1;
  const manifestFile = join(options.into, 'cascade.yaml');
  const existing = await readManifest(manifestFile);
  if (existing === undefined && options.labels === undefined) {
    throw new ConfigError(
      manifestFile,
      'labels',
      'the cascade is new, so labels are needed, in the order of the logits',
    );
  }
  const read = await readModel(options.file);
  if (!options.uint8 && (options.mean ?? options.std) !== undefined) {
    throw new ConfigError(options.file, 'mean, std', 'are put into the graph together with a uint8 input only');
  }
  const weighed = options.half ? withHalfWeights(read) : read;
  const whole = options.uint8 ? withByteInput(weighed, options) : weighed;
  const stages = await cutAtExits(await withDirectBytes(whole, options.resolutions[0]!), options);
  checkOrder(read, stages, options);
  const image = imageInput(whole);
  const input: CascadeInput = {
    layout: image.layout,
    tensor: image.name,
    scale: options.scale ?? 1,
    kernel: options.kernel,
  };

  const graph: Manifest['graphs'][number] = {
    backbone: options.backbone,
    width,
    resolutions: [...options.resolutions].sort((a, b) => a - b),
    stages: stages.map((stage, k) => ({
      file: `${stagePrefix(options.backbone, width, options.resolutions)}${k + 1}.onnx`,
      inputs: [...stage.inputs],
      features: [...stage.features],
      logits: stage.logits,
    })),
  };
  const contents = stages.map((stage) => encodeModel(stage.model));
  const counts = await countStageMacs(stages, options.resolutions);
  const perResolution = new Map(options.resolutions.map((resolution, index) => [resolution, counts[index]!]));
  const manifest = await mergeManifest({
    file: manifestFile,
    existing,
    graph,
    input,
    labels: options.labels,
    classes: await classesOf(stages[0]!, whole, options.resolutions[0]!),
    calibration: options.calibration ?? [],
    description: options.description,
    macs: new Map([...perResolution].map(([resolution, macs]) => [resolution, sum(macs)])),
    bytes: sum(contents.map(({ length }) => length)),
  });

  const difference = await largestDifference(whole, stages, {
    resolutions: options.resolutions,
    count: picturesPerResolution,
    scale: input.scale,
  });
  if (difference >= tolerance) {
    throw new ConfigError(
      options.file,
      '',
      `the stages differ from the whole graph by ${difference.toExponential(1)} in a logit; allowed: ${tolerance}, of the largest logit`,
    );
  }
  const text = await writtenManifest(manifestFile, manifest);
  await alone(options.into, async () => {
    if (JSON.stringify(await readManifest(manifestFile)) !== JSON.stringify(existing))
      throw new ConfigError(manifestFile, '', 'another import has changed it meanwhile; import again');
    await write(options.into, contents, graph, manifest, text);
  });
  return {
    manifest: manifestFile,
    rungs: [...perResolution].map(([resolution, macs]) => ({
      backbone: options.backbone,
      width,
      resolution,
      macs: sum(macs),
      stages: stages.map((stage, k) => ({
        ...graph.stages[k]!,
        exit: stage.exit,
        macs: macs[k]!,
        parameterBytes: parameterBytes(stage.model),
        featureBytes: stage.keptBytes,
      })),
    })),
    difference,
  };
}

/**
 * Calibration comes exit by exit: whose it is must be plain where exits sorted by their cost are not as the graph has them.
 * @throws ConfigError then
 */
function checkOrder(
  { outputs }: OnnxModel,
  stages: readonly StageGraph[],
  { file, exits, calibration }: ImportOptions,
) {
  if (exits !== undefined || calibration === undefined) return;
  const listed = outputs.map(({ name }) => name);
  const byCost = stages.map(({ exit }) => exit);
  if (byCost.every((exit, k) => exit === listed[k])) return;
  const found = `the graph has ${listed.join(', ')}; by what they cost they are ${byCost.join(', ')}`;
  throw new ConfigError(file, 'exits', `${found}: --exits says in which order calibration has them`);
}

async function classesOf(first: StageGraph, whole: OnnxModel, resolution: number): Promise<number> {
  const shapes = await tensorShapes(whole, resolution, [first.exit]);
  return shapes.get(first.exit)!.dims[1]!;
}

/**
 * One import at a time writes into a cascade.
 * @throws ConfigError while another one does
 */
async function alone(into: string, work: () => Promise<void>): Promise<void> {
  await mkdir(into, { recursive: true });
  const lock = join(into, '.import.lock');
  const held = await open(lock, 'wx').catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
    throw new ConfigError(
      lock,
      '',
      'is there, so another import writes here; import again, or remove it where one was killed',
    );
  });
  try {
    await work();
  } finally {
    await held.close();
    await rm(lock);
  }
}

async function write(
  into: string,
  contents: readonly Uint8Array[],
  graph: Manifest['graphs'][number],
  manifest: Manifest,
  text: string,
): Promise<void> {
  const files: [name: string, content: Uint8Array | string][] = [
    ...contents.map((content, k): [string, Uint8Array] => [graph.stages[k]!.file, content]),
    ['cascade.yaml', text],
  ];
  const temporary = (name: string): string => join(into, `.${name}.${process.pid}.tmp`);
  try {
    for (const [name, content] of files) await writeFile(temporary(name), content);
    for (const [name] of files) await rename(temporary(name), join(into, name));
  } finally {
    for (const [name] of files) await rm(temporary(name), { force: true });
  }
  // A graph that had more exits before, or served other resolutions too, leaves stages that nothing names any more.
  const prefix = `${graph.backbone}-w${graph.width}-r`;
  const named = new Set(manifest.graphs.flatMap((each) => each.stages.map(({ file }) => file)));
  for (const name of await readdir(into)) {
    const isStage = name.startsWith(prefix) && /^[\d-]+-stage\d+\.onnx$/.test(name.slice(prefix.length));
    if (isStage && !named.has(name)) await rm(join(into, name), { force: true });
  }
}

/** Stage files are named by what they serve: `slimnet-w0.5-r24-stage1.onnx`. */
function stagePrefix(backbone: string, width: number, resolutions: readonly number[]): string {
  return `${backbone}-w${width}-r${[...resolutions].sort((a, b) => a - b).join('-')}-stage`;
}
