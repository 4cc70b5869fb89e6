/** Reads a YAML file through a schema into a type that cannot be wrong; every error is a {@link ConfigError}. */

import { access, readFile } from 'node:fs/promises';
import { LRUCache } from 'lru-cache';
import { parseDocument, type YAMLParseError } from 'yaml';
import { z } from 'zod';
import { ConfigError } from './errors.js';

/**
 * By schema and file: the text that was parsed last, and what came of it. Parsing a cascade.yaml keeps the thread for 10 ms and more
 * (measured): a reload reads all files again, and most of them are what they were.
 */
const parsed = new WeakMap<z.ZodType, LRUCache<string, { readonly text: string; readonly value: unknown }>>();
const MOST_FILES = 1000;

/**
 * Parses YAML text; the same text of the same file gives the same object again, which nobody may change.
 * @param file named in errors only
 * @throws ConfigError for broken YAML (with line and column) and for the first value that the schema refuses
 */
export function parseYaml<S extends z.ZodType>(schema: S, text: string, file: string): z.output<S> {
  let files = parsed.get(schema);
  if (files === undefined) {
    files = new LRUCache({ max: MOST_FILES });
    parsed.set(schema, files);
  }
  const before = files.get(file);
  if (before?.text === text) return before.value as z.output<S>;
  const value = parse(schema, text, file);
  files.set(file, { text, value });
  return value;
}

function parse<S extends z.ZodType>(schema: S, text: string, file: string): z.output<S> {
  // Its warnings would go to stderr past the log: what they warn of, the schema refuses.
  const document = parseDocument(text, { prettyErrors: true, logLevel: 'error' });
  const broken = document.errors[0];
  if (broken !== undefined) throw new ConfigError(file, '', brokenYaml(broken));
  let value: unknown;
  try {
    value = document.toJS();
  } catch (error) {
    // Aliases are resolved only here: unknown ones, and those that multiply without end.
    throw new ConfigError(file, '', `not valid YAML: ${(error as Error).message}`);
  }
  const result = schema.safeParse(value, { reportInput: true, error: allowedKeys });
  if (result.success) return result.data;
  const { issues } = result.error;
  // A misspelt key is a missing key as well: the key that is there says more than the one that is not.
  const issue = issues.find(({ code }) => code === 'unrecognized_keys') ?? issues[0]!;
  throw new ConfigError(file, keyPath(issue.path), sentence(issue));
}

function brokenYaml({ code, message, linePos }: YAMLParseError): string {
  // The library tells whoever calls it what else to call.
  if (code === 'MULTIPLE_DOCS')
    return `found a second document ("---") at line ${linePos?.[0].line}; allowed: one document a file`;
  return `not valid YAML: ${message.split('\n')[0]!.replace(/:$/, '')}`;
}

/** False also for what may not be looked at. */
export async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** Like {@link parseYaml}, from disk. */
export async function readYaml<S extends z.ZodType>(schema: S, file: string): Promise<z.output<S>> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    throw new ConfigError(file, '', `cannot be read: ${(error as NodeJS.ErrnoException).code ?? String(error)}`);
  }
  return parseYaml(schema, text, file);
}

function keyPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>(
    (sofar, key) =>
      typeof key === 'number' ? `${sofar}[${key}]` : sofar === '' ? String(key) : `${sofar}.${String(key)}`,
    '',
  );
}

function shown(value: unknown): string {
  try {
    return JSON.stringify(value)?.slice(0, 80) ?? String(value);
  } catch {
    return 'a value that holds itself';
  }
}

/** zod's own message for an unknown key does not say which keys there are. */
function allowedKeys(issue: z.core.$ZodRawIssue): string | undefined {
  if (issue.code !== 'unrecognized_keys' || !(issue.inst instanceof z.ZodObject)) return undefined;
  return `allowed: ${Object.keys(issue.inst.shape).join(', ')}`;
}

/** What was found and what is allowed, in one sentence. */
function sentence(issue: z.core.$ZodIssue): string {
  if (issue.code === 'unrecognized_keys')
    return `unknown key ${issue.keys.map((key) => `"${key}"`).join(', ')}; ${issue.message}`;
  const input = issue.code === 'invalid_union' ? chosenBy(issue) : issue.input;
  const found = input === undefined ? 'nothing' : shown(input);
  // "Too big: expected number to be <=1", "Invalid discriminator value. Expected 'full'": what is expected is enough.
  const expected = issue.message.replace(/^(Invalid|Too) [\w ]+[:.] (.)/, (_, _what, first: string) =>
    first.toLowerCase(),
  );
  return `found ${found}; ${expected.replace(/, received \w+$/, '')}`;
}

/** What stands at the key that decides between the members of a union; all of it where no key does. */
function chosenBy({ discriminator, input }: z.core.$ZodIssueInvalidUnion): unknown {
  return discriminator === undefined ? input : (input as Readonly<Record<string, unknown>>)[discriminator];
}
