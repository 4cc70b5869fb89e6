/** Options that several commands share, each with its unit and range, from flags or SLUICE_* variables. */

import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { type Command, InvalidArgumentError, Option } from 'commander';

/** The folder that holds models/ and policies/ of the package itself. */
const root = (folder: string) => fileURLToPath(new URL(`../../${folder}`, import.meta.url));

/** A whole number in [least, most]. */
export function whole(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < least || value > most) {
      throw new InvalidArgumentError(`allowed: a whole number from ${least} to ${most}.`);
    }
    return value;
  };
}

export function yesOrNo(text: string): boolean {
  const at = ['yes', 'true', '1', 'no', 'false', '0'].indexOf(text.toLowerCase());
  if (at < 0) throw new InvalidArgumentError('allowed: yes, no.');
  return at < 3;
}

export interface GatewayFlags {
  models: string;
  policies: string;
  lanes: number;
  threads: number;
  maxPixels: number;
}

/** The model repository; by default the package's own. */
export function modelsOption(): Option {
  return new Option('--models <dir>', 'model repository: one folder a cascade')
    .env('SLUICE_MODELS')
    .default(root('models'), 'models/ of the package');
}

export function withGateway(command: Command): Command {
  return command
    .addOption(modelsOption())
    .addOption(
      new Option('--policies <dir>', 'policies, one YAML file each')
        .env('SLUICE_POLICIES')
        .default(root('policies'), 'policies/ of the package'),
    )
    .addOption(
      new Option('--lanes <n>', 'processes that decode and infer')
        .env('SLUICE_LANES')
        .default(availableParallelism(), 'one a core')
        .argParser(whole(1, 256)),
    )
    .addOption(
      new Option('--threads <n>', 'ONNX Runtime threads a lane')
        .env('SLUICE_THREADS')
        .default(1)
        .argParser(whole(1, 64)),
    )
    .addOption(
      new Option('--max-pixels <n>', 'largest picture, width x height, pixels')
        .env('SLUICE_MAX_PIXELS')
        .default(50_000_000)
        .argParser(whole(1, 1_000_000_000)),
    );
}
