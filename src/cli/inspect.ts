/** sluice inspect: what a graph or a cascade costs, counted from its nodes. */

import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type Command, Option } from 'commander';
import type { Cascade } from '../cascade/cascade.js';
import { loadCascade, loadRepository } from '../cascade/loader.js';
import { countMacs, countRungMacs } from '../cascade/onnx/macs.js';
import { parameterBytes, readModel } from '../cascade/onnx/model.js';
import { print, UsageError } from './fail.js';
import { modelsOption, whole } from './options.js';

interface InspectFlags {
  models: string;
  resolution?: number;
  json: boolean;
}

export function inspectCommand(program: Command): void {
  program
    .command('inspect')
    .description(
      'show inputs, outputs, parameters and multiply-accumulates of an ONNX file, or of every exit of a cascade',
    )
    .argument('<what>', 'an .onnx file, or the name of a cascade')
    .addOption(
      new Option('--resolution <px>', 'side of the square input; needed for an .onnx file').argParser(whole(8, 2048)),
    )
    .addOption(modelsOption())
    .option('--json', 'print the report as JSON', false)
    .action(inspect);
}

async function inspect(what: string, flags: InspectFlags): Promise<void> {
  if (what.endsWith('.onnx')) return inspectGraph(what, flags);
  const file = join(flags.models, what, 'cascade.yaml');
  if (!(await stat(file).catch(() => undefined))) {
    const { cascades } = await loadRepository(flags.models);
    const names = cascades.map(({ name }) => name).join(', ') || 'none';
    throw new UsageError(`"${what}" is neither an .onnx file nor a cascade in ${flags.models}; there are: ${names}`);
  }
  if (flags.resolution !== undefined)
    throw new UsageError('--resolution is for .onnx files: the rungs of a cascade have theirs');
  return inspectCascade(await loadCascade(file, what), flags.json);
}

async function inspectGraph(file: string, flags: InspectFlags): Promise<void> {
  if (flags.resolution === undefined)
    throw new UsageError('an .onnx file needs --resolution: the side of the square input, pixels');
  const model = await readModel(file);
  const report = {
    file,
    inputs: model.inputs.map(({ name, dims }) => ({ name, dims })),
    outputs: model.outputs.map(({ name }) => name),
    nodes: model.nodes.length,
    parameter_bytes: parameterBytes(model),
    resolution: flags.resolution,
    macs: await countMacs(model, flags.resolution),
  };
  if (flags.json) {
    print(JSON.stringify(report, null, 2));
    return;
  }
  for (const { name, dims } of report.inputs) print(`input   ${name} [${(dims ?? []).join(', ')}]`);
  for (const name of report.outputs) print(`output  ${name}`);
  print(`${report.nodes} nodes, ${(report.parameter_bytes / 1e6).toFixed(2)} MB of parameters`);
  print(`${(report.macs / 1e6).toFixed(2)} million MACs at ${flags.resolution} px`);
}

async function inspectCascade(cascade: Cascade, json: boolean): Promise<void> {
  const rungs = [];
  const counted = await countRungMacs(cascade.rungs);
  for (const [index, rung] of cascade.rungs.entries()) {
    const models = await Promise.all(rung.stages.map(({ file }) => readModel(file)));
    const macs = counted[index]!;
    rungs.push({
      id: rung.id,
      exits: rung.stages.map((stage, exit) => ({
        exit: exit + 1,
        stage_macs: macs[exit]!,
        macs: macs.slice(0, exit + 1).reduce((sum, m) => sum + m, 0),
        parameter_bytes: parameterBytes(models[exit]!),
        features: stage.features,
        temperature: stage.temperature,
        accuracy: rung.accuracy?.[exit] ?? null,
      })),
    });
  }
  const full = rungs.at(-1)!.exits.at(-1)!.macs;
  if (json) {
    print(JSON.stringify({ cascade: cascade.name, classes: cascade.labels.length, full_macs: full, rungs }, null, 2));
    return;
  }
  print(`${cascade.name}: ${cascade.labels.length} classes, full network ${(full / 1e6).toFixed(2)} million MACs`);
  for (const rung of rungs) {
    for (const exit of rung.exits) {
      const accuracy = exit.accuracy === null ? '' : `  top-1 ${(100 * exit.accuracy).toFixed(2)} %`;
      const share = `${((100 * exit.macs) / full).toFixed(1)} %`.padStart(8);
      print(
        `  ${rung.id.padEnd(20)} exit ${exit.exit}  ${(exit.macs / 1e6).toFixed(2).padStart(8)} million MACs ${share}${accuracy}`,
      );
    }
  }
}
