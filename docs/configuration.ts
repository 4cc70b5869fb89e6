/** What `npm run docs` makes of the options of `sluice serve`: the table in docs/configuration.md and the schema for editors. */

import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { z } from 'zod';
import { serveCommand } from '../src/cli/serve.js';
import { fileSchema, type Setting, settingsOf } from '../src/cli/settings.js';
import { withReference } from './marks.js';

const ROOT = new URL('../', import.meta.url);
export const CONFIG_PAGE = fileURLToPath(new URL('docs/configuration.md', ROOT));
export const CONFIG_SCHEMA = fileURLToPath(new URL('deploy/configuration.schema.json', ROOT));

/** `sluice serve` as commander knows it. */
export function serve(): Command {
  const program = new Command();
  serveCommand(program);
  return program.commands[0]!;
}

/** The JSON Schema of a configuration file, draft 2020-12. */
export function configSchema(): z.core.JSONSchema.JSONSchema {
  return { title: 'Settings of sluice serve', ...z.toJSONSchema(fileSchema(settingsOf(serve())), { io: 'input' }) };
}

export function configSchemaText(): string {
  return `${JSON.stringify(configSchema(), null, 2)}\n`;
}

export function configPageText(page: string): string {
  const rows = settingsOf(serve()).map(row);
  const table = [
    '| flag | variable | key in the file | meaning | default |',
    '| --- | --- | --- | --- | --- |',
    ...rows,
  ];
  return withReference(page, 'docs/configuration.md', table.join('\n'));
}

function row({ option, variable, key }: Setting): string {
  const choices = option.argChoices === undefined ? '' : `: ${option.argChoices.join(', ')}`;
  const cells = [
    `\`${option.flags}\``,
    `\`${variable}\``,
    `\`${key}\``,
    `${option.description}${choices}`,
    byDefault(option),
  ];
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

function byDefault({ defaultValue, defaultValueDescription }: Setting['option']): string {
  if (defaultValueDescription !== undefined) return defaultValueDescription;
  return defaultValue === undefined ? 'not set' : `\`${defaultValue}\``;
}
