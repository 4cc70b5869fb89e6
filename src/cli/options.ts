/** Options that several commands share, each with its unit and range, from flags or SLUICE_* variables. */

import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { z } from 'zod';

/** The folder that holds models/ and policies/ of the package itself. */
const root = (folder: string) => fileURLToPath(new URL(`../../${folder}`, import.meta.url));

/** Reads an option's text from a flag or a variable; `inFile` is what a configuration file may hold in its place. */
export interface OptionParser<T> {
  (text: string): T;
  readonly inFile: z.ZodType<T>;
}

/** A whole number in [least, most]. */
export function whole(least: number, most: number): OptionParser<number> {
  const allowed = `allowed: a whole number from ${least} to ${most}`;
  const parse = (text: string) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < least || value > most) throw new InvalidArgumentError(`${allowed}.`);
    return value;
  };
  return Object.assign(parse, { inFile: z.int(allowed).min(least, allowed).max(most, allowed) });
}

/** Exclusive where the word is. */
export interface Bounds {
  readonly above?: number;
  readonly least?: number;
  readonly most?: number;
  readonly below?: number;
}

/** A number within bounds. */
export function decimal(bounds: Bounds): OptionParser<number> {
  const words = Object.entries(bounds).map(([word, bound]) => `${WORDS[word as keyof Bounds]} ${bound}`);
  const allowed = `allowed: a number ${words.join(', ')}`;
  const { above, least, most, below } = bounds;
  let inFile = z.number(allowed);
  if (above !== undefined) inFile = inFile.gt(above, allowed);
  if (least !== undefined) inFile = inFile.min(least, allowed);
  if (most !== undefined) inFile = inFile.max(most, allowed);
  if (below !== undefined) inFile = inFile.lt(below, allowed);
  const parse = (text: string) => {
    const value = DECIMAL.test(text) ? Number(text) : Number.NaN;
    if (!inFile.safeParse(value).success) throw new InvalidArgumentError(`${allowed}.`);
    return value;
  };
  return Object.assign(parse, { inFile });
}

/** As people and YAML write numbers: .5, 0.5 and 5e-1, but not 0x5, nor nothing. */
const DECIMAL = /^\d*\.?\d+(e[+-]?\d+)?$/i;
const WORDS = { above: 'above', least: 'from', most: 'up to', below: 'below' } as const;

const YesOrNo = z
  .union([z.boolean(), z.literal(['yes', 'no'])], 'allowed: true, false')
  .transform((value) => value === true || value === 'yes');

export const yesOrNo: OptionParser<boolean> = Object.assign(
  (text: string) => {
    const at = ['yes', 'true', '1', 'no', 'false', '0'].indexOf(text.toLowerCase());
    if (at < 0) throw new InvalidArgumentError('allowed: yes, no.');
    return at < 3;
  },
  { inFile: YesOrNo },
);

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
