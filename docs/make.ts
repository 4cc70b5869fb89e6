/**
 * npm run docs: writes what is made from the code's schemas of policies, settings (configuration.ts) and answers (client-types.ts), the
 * references in docs/, and manifests (kubernetes.ts).
 */

import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { PolicyFile } from '../src/policy/schema.js';
import { CLIENT_TYPES, clientTypes } from './client-types.js';
import { CONFIG_PAGE, CONFIG_SCHEMA, configPageText, configSchemaText } from './configuration.js';
import { POLICIES_MANIFEST, policiesManifest, RULES_MANIFEST, rulesManifest } from './kubernetes.js';
import { withReference } from './marks.js';

const ROOT = new URL('../', import.meta.url);
export const SCHEMA = fileURLToPath(new URL('policies/policy.schema.json', ROOT));
export const PAGE = fileURLToPath(new URL('docs/policies.md', ROOT));
type Schema = z.core.JSONSchema.JSONSchema;

/** The JSON Schema of a policy file, draft 2020-12. */
export function policySchema(): Schema {
  return { title: 'Sluice policy', ...z.toJSONSchema(PolicyFile, { io: 'input' }) };
}

/** policies/policy.schema.json. */
export function schemaText(): string {
  return `${JSON.stringify(policySchema(), null, 2)}\n`;
}

/** The page with its reference made anew. @throws Error when the marks are not there */
export function pageText(page: string): string {
  return withReference(page, 'docs/policies.md', reference());
}

/** One line a key. */
function reference(): string {
  const rows = policySchema().anyOf ?? policySchema().oneOf ?? [];
  const threshold = rows.map((row) => row as Schema).find((row) => constantOf(row) === 'threshold')!;
  const lines = keysOf(threshold, '')
    // Entry and route of a point are those of a cascade.
    .filter(({ key }) => !/\.points\[\]\.(entry|route)\W/.test(key))
    .map(
      ({ key, kind, isRequired, description }) =>
        `| \`${key}\` | ${kind} | ${isRequired ? 'yes' : ''} | ${description} |`,
    );
  return ['| key | value | required | meaning |', '| --- | --- | --- | --- |', ...lines].join('\n');
}

interface Key {
  readonly key: string;
  readonly kind: string;
  readonly isRequired: boolean;
  readonly description: string;
}

function keysOf(schema: Schema, before: string): Key[] {
  const required = schema.required ?? [];
  const named = Object.entries(schema.properties ?? {}).flatMap(([name, value]) =>
    entryOf(value as Schema, before === '' ? name : `${before}.${name}`, required.includes(name)),
  );
  const others = schema.additionalProperties;
  if (typeof others !== 'object') return named;
  return [...named, ...keysOf(others as Schema, `${before}.NAME`)];
}

function entryOf(schema: Schema, key: string, isRequired: boolean): Key[] {
  const here = { key, kind: kindOf(schema), isRequired, description: describe(schema) };
  const items = schema.items as Schema | undefined;
  return [here, ...(items === undefined ? keysOf(schema, key) : keysOf(items, `${key}[]`))];
}

function kindOf(schema: Schema): string {
  if (schema.const !== undefined) return `\`${schema.const}\``;
  if (schema.enum !== undefined) return schema.enum.map((value) => `\`${value}\``).join(', ');
  if (schema.anyOf !== undefined) return schema.anyOf.map((each) => kindOf(each as Schema)).join(' or ');
  if (schema.type === 'array') return `list of ${kindOf(schema.items as Schema)}`;
  if (schema.type === 'object') return 'map';
  return `${schema.type}${rangeOf(schema)}`;
}

/** Bounds that zod adds for what a computer can hold say nothing. */
function rangeOf({ minimum, exclusiveMinimum, maximum, exclusiveMaximum }: Schema): string {
  const bounds = [
    ...(minimum === undefined ? [] : [`>= ${minimum}`]),
    ...(exclusiveMinimum === undefined ? [] : [`> ${exclusiveMinimum}`]),
    ...(maximum === undefined || maximum >= Number.MAX_SAFE_INTEGER ? [] : [`<= ${maximum}`]),
    ...(exclusiveMaximum === undefined ? [] : [`< ${exclusiveMaximum}`]),
  ];
  return bounds.length === 0 ? '' : ` ${bounds.join(', ')}`;
}

function describe({ description, default: value }: Schema): string {
  const told = value === undefined || value === '' ? [] : [`default: \`${value}\``];
  return [...(description === undefined ? [] : [description.replaceAll('|', '\\|')]), ...told].join('; ');
}

function constantOf(schema: Schema): unknown {
  return (schema.properties?.kind as Schema | undefined)?.const;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await writeFile(SCHEMA, schemaText());
  await writeFile(CLIENT_TYPES, await clientTypes());
  await writeFile(PAGE, pageText(await readFile(PAGE, 'utf8')));
  await writeFile(CONFIG_SCHEMA, configSchemaText());
  await writeFile(CONFIG_PAGE, configPageText(await readFile(CONFIG_PAGE, 'utf8')));
  await writeFile(POLICIES_MANIFEST, await policiesManifest());
  await writeFile(RULES_MANIFEST, await rulesManifest());
}
