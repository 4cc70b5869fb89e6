/**
 * The settings of a command as one list, made of its own options: whatever has a variable may also stand in a configuration file,
 * under the variable's name in small letters without `SLUICE_`.
 */

import { type Command, InvalidArgumentError, type Option } from 'commander';
import { z } from 'zod';
import { UsageError } from './fail.js';
import type { OptionParser } from './options.js';

export interface Setting {
  readonly option: Option;
  readonly variable: string;
  /** In the file. */
  readonly key: string;
  readonly schema: z.ZodType;
}

const PREFIX = 'SLUICE_';
/** Says where the file is, so it cannot stand in it. */
export const CONFIG_VARIABLE = `${PREFIX}CONFIG`;

/** Options that are shown by their number only. */
const secrets = new WeakSet<Option>();

export function secret(option: Option): Option {
  secrets.add(option);
  return option;
}

export function isSecret({ option }: Setting): boolean {
  return secrets.has(option);
}

export function settingsOf(command: Command): Setting[] {
  return command.options.flatMap((option) => {
    const variable = option.envVar;
    if (variable === undefined || variable === CONFIG_VARIABLE) return [];
    const key = variable.slice(PREFIX.length).toLowerCase();
    return { option, variable, key, schema: schemaOf(option).describe(option.description) };
  });
}

/** What a configuration file of this command may hold. */
export function fileSchema(settings: readonly Setting[]): z.ZodObject {
  return z.strictObject(Object.fromEntries(settings.map(({ key, schema }) => [key, schema.optional()])));
}

function schemaOf({ parseArg, argChoices }: Option): z.ZodType {
  if (argChoices !== undefined) return z.enum(argChoices, `allowed: ${argChoices.join(', ')}`);
  if (parseArg === undefined) return z.string();
  const { inFile } = parseArg as Partial<OptionParser<unknown>>;
  return inFile ?? byText(parseArg);
}

const Scalar = z.union([z.string(), z.number(), z.boolean()]);

/** Says what is wrong with a secret without showing it, as commander would: it may be the key itself. */
export class SecretArgumentError extends UsageError {
  constructor(
    option: string,
    readonly allowed: string,
  ) {
    super(`${option} is wrong; allowed: ${allowed}.`);
  }
}

/** As the flag would be read; a list is the flag given several times. */
function byText(parse: (text: string, before: unknown) => unknown): z.ZodType {
  return z.union([Scalar, z.array(Scalar)]).transform((given, context) => {
    try {
      return [given].flat().reduce<unknown>((before, each) => parse(String(each), before), undefined);
    } catch (error) {
      if (error instanceof SecretArgumentError) {
        context.addIssue({ code: 'custom', message: `allowed: ${error.allowed}`, input: '(not shown)' });
        return z.NEVER;
      }
      if (!(error instanceof InvalidArgumentError)) throw error;
      context.addIssue({ code: 'custom', message: error.message.replace(/\.$/, ''), input: given });
      return z.NEVER;
    }
  });
}

/** Variables that look like settings and are none: mostly misspelt. */
export function unknownVariables(command: Command, environment: NodeJS.ProcessEnv): string[] {
  const known = new Set(command.options.map(({ envVar }) => envVar));
  return Object.keys(environment).filter((name) => name.startsWith(PREFIX) && !known.has(name));
}
