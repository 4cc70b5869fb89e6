/** An operating point as it stands in policies/NAME.yaml. */

import { readFile, rename, writeFile } from 'node:fs/promises';
import { Document, isMap, parseDocument, visit } from 'yaml';
import { parseYaml } from '../config-file.js';
import { ConfigError } from '../errors.js';
import { CONTENT } from '../policy/entry.js';
import { type EntryRule, PolicyFile } from '../policy/schema.js';
import type { FittedEntry } from './entry.js';
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

export function routeFile({ walk, thresholds, outcome }: OperatingPoint, fitted?: FittedEntry): RouteFile {
  const route = walk.rungs.map(({ id, exits }, leg) => {
    const start = walk.starts[leg]!;
    const came = outcome.exits.reduce((sum, exit) => sum + Number(exit >= start), 0);
    return {
      rung: id,
      thresholds: thresholds.slice(start, start + exits.length),
      reach: Number((came / walk.pictures).toFixed(3)),
    };
  });
  if (fitted === undefined) return { route };
  const { leg, above, intercept, weights } = fitted.entry;
  const short = (value: number) => Number(value.toPrecision(6));
  const named = Object.fromEntries(CONTENT.map((name, i) => [name, short(weights[i]!)])) as EntryRule['weights'];
  return { entry: { rung: route[leg]!.rung, above, intercept: short(intercept), weights: named }, route };
}

/**
 * Writes or replaces what a policy file says of a cascade; the rest of it stays, comments included.
 * @throws ConfigError when there is another kind of policy, or a broken one
 */
export async function writePolicy(file: string, cascade: string, route: RouteFile): Promise<void> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw new ConfigError(file, '', `cannot be read: ${error.code}`);
  });
  const document = text === undefined ? new Document({ kind: 'threshold', cascades: {} }) : parseDocument(text);
  if (text !== undefined) {
    const { kind } = parseYaml(PolicyFile, text, file);
    if (kind !== 'threshold')
      throw new ConfigError(file, 'kind', `found "${kind}"; tune writes policies of kind "threshold"`);
  }
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
