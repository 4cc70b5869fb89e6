/** sluice import FILE.onnx: one graph with all exits in, a cascade folder out. */

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { z } from 'zod';
import { type ImportReport, importOnnx } from '../cascade/import.js';
import { Kernel, NAME, NAME_ALLOWED } from '../cascade/manifest.js';
import { readYaml } from '../config-file.js';
import { ConfigError } from '../errors.js';
import { print, UsageError } from './fail.js';
import { decimal, type GatewayFlags, modelsOption, whole } from './options.js';

interface ImportFlags {
  models: GatewayFlags['models'];
  cascade: string;
  backbone: string;
  width: number;
  resolutions: number[];
  labels?: string;
  exits?: string[];
  half: boolean;
  uint8: boolean;
  mean?: number[];
  std?: number[];
  scale?: number;
  kernel?: Kernel;
  calibration?: string;
  description?: string;
  json: boolean;
}

/** Rows of the file that models/train/calibrate.py writes; those of other widths and resolutions are passed over. */
const Calibration = z.array(
  z.strictObject({
    width: z.number().default(1),
    resolution: z.int(),
    temperatures: z.array(z.number().positive()),
    accuracy: z.array(z.number().min(0).max(1)).optional(),
  }),
);

const list = (text: string) => text.split(',').map((part) => part.trim());

function rgb(text: string): number[] {
  const parts = list(text);
  if (parts.length !== 3 || parts.some((part) => part === '' || !Number.isFinite(Number(part)))) {
    throw new InvalidArgumentError('allowed: 3 numbers with commas between them.');
  }
  return parts.map(Number);
}

function sides(text: string): number[] {
  return [...new Set(list(text).map(whole(8, 2048)))];
}

function name(text: string): string {
  if (!NAME.test(text)) throw new InvalidArgumentError(NAME_ALLOWED);
  return text;
}

export function importCommand(program: Command): void {
  program
    .command('import')
    .description('cut one ONNX graph with all exits as outputs into stage graphs, and write cascade.yaml')
    .argument('<file>', 'ONNX graph: one image input, one output of logits per exit')
    .requiredOption('--cascade <name>', 'folder in the model repository; made when it is not there', name)
    .requiredOption('--backbone <name>', 'name of this network', name)
    .addOption(
      new Option('--width <w>', 'fraction of channels of this graph')
        .default(1)
        .argParser(decimal({ above: 0, most: 1 })),
    )
    .requiredOption('--resolutions <list>', 'sides of the square input, pixels, for example 24,32', sides)
    .option('--labels <file>', 'one label a line, in the order of the logits; "wnid<TAB>label" gives both')
    .addOption(
      new Option('--exits <list>', 'outputs that are exits, shallow to deep; default: all, by cost').argParser(list),
    )
    .option('--half', 'store weights in 16 bits: half the file, computed in 32 bits as before', false)
    .option('--uint8', 'put a uint8 [n, h, w, 3] input in front (recommended: bytes, not floats, are sent)', false)
    .addOption(new Option('--mean <rgb>', 'with --uint8: subtracted per channel, 0..255').argParser(rgb))
    .addOption(new Option('--std <rgb>', 'with --uint8: divided by per channel, 0..255').argParser(rgb))
    .addOption(
      new Option('--scale <n>', 'without --uint8: pixel values are divided by it, 255 for a graph that takes 0..1')
        .argParser(decimal({ above: 0 }))
        .conflicts('uint8'),
    )
    .addOption(new Option('--kernel <name>', 'how pictures are resized').choices(Kernel.options))
    .option('--calibration <file>', 'JSON with temperatures and accuracy per width and resolution')
    .option('--description <text>', 'a sentence for people')
    .addOption(modelsOption())
    .option('--json', 'print the report as JSON', false)
    .action(run);
}

async function run(file: string, flags: ImportFlags): Promise<void> {
  const { cascade, models, json, labels, calibration, ...rest } = flags;
  if (!flags.uint8 && (flags.mean ?? flags.std) !== undefined)
    throw new UsageError('--mean and --std are put into the graph together with a uint8 input: add --uint8');
  const report = await importOnnx({
    ...rest,
    file,
    into: join(models, cascade),
    ...(labels === undefined ? {} : { labels: await readLabels(labels) }),
    ...(calibration === undefined ? {} : { calibration: await readCalibration(calibration, flags) }),
  });
  if (json) print(JSON.stringify(report, null, 2));
  else printReport(report);
}

async function readLabels(file: string): Promise<(string | { name: string; wnid: string })[]> {
  const lines = (await text(file)).split(/\r?\n/).filter((line) => line.trim() !== '');
  return lines.map((line) => {
    const [first, second] = line.split('\t').map((part) => part.trim());
    return second === undefined ? first! : { name: second, wnid: first! };
  });
}

async function readCalibration(file: string, { width, resolutions }: ImportFlags) {
  // JSON is YAML, and broken YAML is told with its line.
  const rows = (await readYaml(Calibration, file)).filter((row) => row.width === width);
  const missing = resolutions.find((side) => !rows.some(({ resolution }) => resolution === side));
  if (missing !== undefined) throw new ConfigError(file, '', `has no row for width ${width}, resolution ${missing}`);
  return rows
    .filter(({ resolution }) => resolutions.includes(resolution))
    .map(({ resolution, temperatures, accuracy }) => ({
      resolution,
      temperatures,
      ...(accuracy === undefined ? {} : { accuracy }),
    }));
}

async function text(file: string): Promise<string> {
  return readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new ConfigError(file, '', `cannot be read: ${error.code}`);
  });
}

function printReport(report: ImportReport): void {
  for (const { backbone, width, resolution, macs, stages } of report.rungs) {
    print(`${backbone}/${width}@${resolution}: ${millions(macs)} million MACs to the last exit`);
    for (const { file, exit, macs: own, parameterBytes, featureBytes } of stages) {
      const kept = featureBytes === 0 ? 'keeps nothing' : `keeps ${(featureBytes / 1024).toFixed(1)} KiB a picture`;
      const weights = `${(parameterBytes / 1e6).toFixed(2)} MB`;
      print(`  ${exit.padEnd(12)} ${millions(own).padStart(8)} million MACs  ${weights.padStart(9)}  ${kept}  ${file}`);
    }
  }
  print(`largest difference of a logit to the whole graph: ${report.difference.toExponential(1)}`);
  print(`written: ${report.manifest}`);
}

function millions(macs: number): string {
  return (macs / 1e6).toFixed(2);
}
