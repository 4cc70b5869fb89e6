/** An operating point as it stands in policies/NAME.yaml. */

import { access, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Document, isMap, parseDocument, visit } from 'yaml';
import { parseYaml } from '../config-file.js';
import { ConfigError } from '../errors.js';
import { CONTENT, type Entry } from '../policy/entry.js';
import { type EntryRule, PolicyFile } from '../policy/schema.js';
import type { OperatingPoint } from './operating-points.js';

/** What a policy says of one cascade. */
export interface RouteFile {
  readonly entry?: EntryRule;
  readonly route: readonly {
    readonly rung: string;
    readonly thresholds: readonly (number | null)[];
    readonly reach: number;
  }[];
}

/** @param entry a rule that was found worth its lines */
export function routeFile({ walk, thresholds, outcome }: OperatingPoint, entry?: Entry): RouteFile {
  const route = walk.rungs.map(({ id, exits }, leg) => {
    const start = walk.starts[leg]!;
    const came = outcome.exits.reduce((sum, exit) => sum + Number(exit >= start), 0);
    return {
      rung: id,
      thresholds: thresholds.slice(start, start + exits.length),
      reach: Number((came / walk.pictures).toFixed(3)),
    };
  });
  if (entry === undefined) return { route };
  const { leg, above, intercept, weights } = entry;
  const named = Object.fromEntries(CONTENT.map((name, i) => [name, weights[i]!])) as EntryRule['weights'];
  return { entry: { rung: route[leg]!.rung, above, intercept, weights: named }, route };
}

/**
 * @returns the text of the file; undefined when there is none yet
 * @throws ConfigError for a name that is never loaded, a folder that is not there, and a policy that is broken or of another kind
 */
export async function checkPolicyFile(file: string): Promise<string | undefined> {
  if (!/\.ya?ml$/.test(file)) throw new ConfigError(file, '', 'is no name of a policy; allowed: NAME.yaml');
  await access(dirname(file)).catch((error: NodeJS.ErrnoException) => {
    throw new ConfigError(file, '', `cannot be written: ${error.code}`);
  });
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw new ConfigError(file, '', `cannot be read: ${error.code}`);
  });
  const kind = text === undefined ? 'threshold' : parseYaml(PolicyFile, text, file).kind;
  if (kind !== 'threshold')
    throw new ConfigError(file, 'kind', `found "${kind}"; tune writes policies of kind "threshold"`);
  return text;
}

/**
 * Writes or replaces what a policy file says of a cascade; the rest of it stays, comments included.
 * @throws ConfigError as {@link checkPolicyFile}
 */
export async function writePolicy(file: string, cascade: string, route: RouteFile): Promise<void> {
  const text = await checkPolicyFile(file);
  const document = text === undefined ? new Document({ kind: 'threshold', cascades: {} }) : parseDocument(text);
  const node = document.createNode(route);
  // One line a rung.
  visit(node, {
    Map: (_, map) => {
      if (isMap(map) && (map.has('thresholds') || map.has('colour'))) map.flow = true;
    },
  });
  document.setIn(['cascades', cascade], node);
  const written = document.toString({ lineWidth: 140 });
  parseYaml(PolicyFile, written, file);
  await writeFile(`${file}.tmp`, written);
  await rename(`${file}.tmp`, file);
}
