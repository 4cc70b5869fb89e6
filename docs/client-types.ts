/** src/client/types.ts: the types of the client, of the schemas in /openapi.json, so that its users need no zod. */

import { fileURLToPath } from 'node:url';
import { compile, type JSONSchema } from 'json-schema-to-typescript';
import { componentSchemas } from '../src/http/openapi/schemas.js';

export const CLIENT_TYPES = fileURLToPath(new URL('../src/client/types.ts', import.meta.url));

const BANNER = `/**
 * What the gateway answers. Made by \`npm run docs\` of the schemas in src/http/answers.ts, which the routes and /openapi.json
 * are made of too: change those.
 */
`;

/** What the client answers with, and what these are made of. */
const SHOWN = [
  'Classification',
  'CascadeList',
  'CascadeWithLabels',
  'PolicyList',
  'PolicyWithContent',
  'Ready',
  'Problem',
];

export async function clientTypes(): Promise<string> {
  const $defs = JSON.parse(
    JSON.stringify(componentSchemas(), (key, value) => (key === 'minItems' ? undefined : value)).replaceAll(
      '#/components/schemas/',
      '#/$defs/',
    ),
  );
  const properties = Object.fromEntries(SHOWN.map((name) => [name, { $ref: `#/$defs/${name}` }]));
  const root = { $defs, type: 'object', properties, additionalProperties: false } as JSONSchema;
  const style = { singleQuote: true, printWidth: 120 };
  const text = await compile(root, 'Shown', { additionalProperties: false, bannerComment: BANNER, style });
  return (
    text
      // The root only holds the others together.
      .replace(/export interface Shown \{\n[\s\S]*?\n\}\n/, '')
      .replace(/\/\*\*\n +\* (.*)\n +\*\//g, '/** $1 */')
      .replace(/\n\}\n(?=\S)/g, '\n}\n\n')
  );
}
