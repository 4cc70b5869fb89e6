/** An operating point as it stands in policies/NAME.yaml. */

import { access, readFile, rename, writeFile } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { Document, isMap, isScalar, parseDocument } from 'yaml';
import { exists, parseYaml } from '../config-file.js';
import { ConfigError } from '../errors.js';
import { CONTENT } from '../policy/entry.js';
import { type EntryRule, PolicyFile } from '../policy/schema.js';
import { GATE, type Gate, type ScoreKind } from '../policy/score.js';
import { oneLineARung } from '../policy/text.js';
import type { Guarantee } from './guarantee.js';
import type { OperatingPoint } from './operating-points.js';

/** One operating point as a policy has it. */
export interface RouteFile {
  readonly entry?: EntryRule;
  readonly route: readonly LegFile[];
}

interface LegFile {
  readonly rung: string;
  readonly thresholds: readonly (number | null)[];
  readonly gates?: readonly (GateFile | null)[];
  readonly blend?: readonly number[];
  readonly reach: number;
}

type GateFile = { readonly intercept: number; readonly weights: Readonly<Record<(typeof GATE)[number], number>> };

/** What a policy says of one cascade. */
export type RuleFile = (RouteFile | { readonly points: readonly PointFile[] }) & { readonly guarantee?: Guarantee };

interface PointFile extends RouteFile {
  readonly name: string;
  readonly expected: { readonly macs: number; readonly top1?: number; readonly agreement: number };
}

export function routeFile({ walk, thresholds, outcome, entry }: OperatingPoint): RouteFile {
  const route = walk.rungs.map(({ id, exits }, leg): LegFile => {
    const start = walk.starts[leg]!;
    const came = outcome.exits.reduce((sum, exit) => sum + Number(exit >= start), 0);
    const here = thresholds.slice(start, start + exits.length);
    const gates = walk.gates?.slice(start, start + exits.length);
    const blend = walk.blend?.slice(start, start + exits.length);
    return {
      rung: id,
      thresholds: here,
      ...(gates === undefined ? {} : { gates: gates.map((gate, k) => (here[k] === null ? null : gateFile(gate))) }),
      ...(blend?.some((share) => share > 0) ? { blend } : {}),
      reach: Number((came / walk.pictures).toFixed(3)),
    };
  });
  if (entry === undefined) return { route };
  const { leg, above, intercept, weights } = entry;
  return { entry: { rung: route[leg]!.rung, above, intercept, weights: named(CONTENT, weights) }, route };
}

/** Keys of a cascade that tune makes anew each time. */
const MADE = new Set(['route', 'entry', 'points', 'guarantee']);

/** @param labelled whether the share of right answers is known */
export function pointsFile(
  points: readonly OperatingPoint[],
  names: readonly string[],
  labelled: boolean,
): { readonly points: readonly PointFile[] } {
  const share = (value: number) => Number(value.toFixed(4));
  return {
    points: points.map((point, i) => ({
      name: names[i]!,
      expected: {
        macs: Math.round(point.outcome.macs),
        ...(labelled ? { top1: share(point.outcome.top1) } : {}),
        agreement: share(point.outcome.agreement),
      },
      ...routeFile(point),
    })),
  };
}

function gateFile({ intercept, weights }: Gate): GateFile {
  return { intercept, weights: named(GATE, weights) };
}

function named<const Name extends string>(names: readonly Name[], values: readonly number[]): Record<Name, number> {
  return Object.fromEntries(names.map((name, i) => [name, values[i]!])) as Record<Name, number>;
}

/**
 * @returns the text of the file; undefined when there is none yet
 * @throws ConfigError for a name that is never loaded, a folder that is not there, and a policy that is broken, of another kind, or
 * walked by another score, which holds for all its cascades
 */
export async function checkPolicyFile(file: string, cascade: string, score: ScoreKind): Promise<string | undefined> {
  if (!/\.ya?ml$/.test(file)) throw new ConfigError(file, '', 'is no name of a policy; allowed: NAME.yaml');
  await access(dirname(file)).catch((error: NodeJS.ErrnoException) => {
    throw new ConfigError(file, '', `cannot be written: ${error.code}`);
  });
  if (/^full\.ya?ml$/.test(basename(file)))
    throw new ConfigError(file, '', 'is the policy of the static choice; allowed: another name');
  const twin = file.endsWith('.yml') ? file.replace(/yml$/, 'yaml') : file.replace(/yaml$/, 'yml');
  if (await exists(twin))
    throw new ConfigError(file, '', `${basename(twin)} has the same name; allowed: that one, or another name`);
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw new ConfigError(file, '', `cannot be read: ${error.code}`);
  });
  if (text === undefined) return undefined;
  const policy = parseYaml(PolicyFile, text, file);
  if (policy.kind !== 'threshold')
    throw new ConfigError(file, 'kind', `found "${policy.kind}"; tune writes policies of kind "threshold"`);
  if (policy.ensemble !== 'none')
    throw new ConfigError(file, 'ensemble', `found "${policy.ensemble}"; tune solves for "none"`);
  const others = Object.keys(policy.cascades).filter((name) => name !== cascade);
  if (policy.score !== score && others.length > 0) {
    const reason = `found "${policy.score}", for ${others.join(', ')}, too; allowed: that score, or another file than this`;
    throw new ConfigError(file, 'score', reason);
  }
  return text;
}

/**
 * Writes or replaces what a policy file says of a cascade; the rest of it stays, comments included.
 * @returns keys of that cascade that were there and are not any more: tune does not solve for them
 * @throws ConfigError as {@link checkPolicyFile}
 */
export async function writePolicy(
  file: string,
  cascade: string,
  score: ScoreKind,
  rule: RuleFile,
): Promise<readonly string[]> {
  const text = await checkPolicyFile(file, cascade, score);
  const document = text === undefined ? new Document({ kind: 'threshold', cascades: {} }) : parseDocument(text);
  const before = document.getIn(['cascades', cascade]);
  const dropped = isMap(before) ? before.items.map(({ key }) => String(key)).filter((key) => !MADE.has(key)) : [];
  const node = document.createNode(rule);
  oneLineARung(node);
  document.setIn(['cascades', cascade], node);
  if (score !== 'max_probability' || document.has('score')) setScore(document, score);
  const written = document.toString({ lineWidth: 140 });
  parseYaml(PolicyFile, written, file);
  await writeFile(`${file}.tmp`, written);
  await rename(`${file}.tmp`, file);
  return dropped;
}

/** Before the cascades, where people look for it. */
function setScore(document: Document, score: ScoreKind): void {
  if (document.has('score') || !isMap(document.contents)) document.set('score', score);
  else {
    const at = document.contents.items.findIndex(({ key }) => isScalar(key) && key.value === 'cascades');
    document.contents.items.splice(at, 0, document.createPair('score', score) as never);
  }
}
