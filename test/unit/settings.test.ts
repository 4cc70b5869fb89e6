import { readFile } from 'node:fs/promises';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { Command, InvalidArgumentError, Option } from 'commander';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import {
  CONFIG_PAGE,
  CONFIG_SCHEMA,
  configPageText,
  configSchema,
  configSchemaText,
  serve,
} from '../../docs/configuration.js';
import { fileSchema, settingsOf, unknownVariables } from '../../src/cli/settings.js';
import { parseYaml } from '../../src/config-file.js';
import { configErrorOf } from '../support/config-error.js';

const command = serve();
const settings = settingsOf(command);
const read = (text: string) => parseYaml(fileSchema(settings), text, 'sluice.yaml');

describe('the settings of sluice serve', () => {
  it('are all its options but those that are about the settings themselves, and those that say no', () => {
    const known = new Set(settings.map(({ option }) => option));
    const rest = command.options.filter((option) => !known.has(option));
    expect(rest.map(({ long }) => long!).filter((long) => !long.startsWith('--no-'))).toEqual([
      '--config',
      '--print-config',
    ]);
  });

  it.each(settings.map(({ option, variable, key }) => [option.long!, variable, key]))(
    '%s has the variable and the key of its name',
    (long, variable, key) => {
      const name = long.slice(2).replaceAll('-', '_');
      expect({ variable, key }).toEqual({ variable: `SLUICE_${name.toUpperCase()}`, key: name });
    },
  );

  it('may stand in a file as what they are', () => {
    expect(read('port: 0\nwatch: false\nconsole: no\npolicy: fast\nlog_level: warn\nwatts_per_core: 2.5')).toEqual({
      port: 0,
      watch: false,
      console: false,
      policy: 'fast',
      log_level: 'warn',
      watts_per_core: 2.5,
    });
  });

  it('that are lists are read as the flag given several times', () => {
    const [one, other] = ['a'.repeat(64), 'B'.repeat(64)];
    expect(read(`api_key_sha256: [${one}, ${other}]`)).toEqual({ api_key_sha256: [one, other.toLowerCase()] });
    expect(read(`api_key_sha256: ${one}`)).toEqual({ api_key_sha256: [one] });
  });

  it.each([
    ['prot: 80', '', /^unknown key "prot"; allowed: .*\bport\b/],
    ['port: 80800', 'port', 'found 80800; allowed: a whole number from 0 to 65535'],
    ['port: many', 'port', 'found "many"; allowed: a whole number from 0 to 65535'],
    ['queue: 1.5', 'queue', 'found 1.5; allowed: a whole number from 1 to 1000000'],
    ['lanes:', 'lanes', 'found null; allowed: a whole number from 1 to 256'],
    ['watch: perhaps', 'watch', 'found "perhaps"; allowed: true, false'],
    ['log_level: loud', 'log_level', /^found "loud"; allowed: .*\bwarn\b/],
    ['watts_per_core: -1', 'watts_per_core', 'found -1; allowed: a number from 0, up to 1000'],
    ['api_key_sha256: [secret]', 'api_key_sha256', /^found "\(not shown\)"; allowed: 64 hexadecimal digits/],
    ['config: other.yaml', '', /^unknown key "config"/],
    ['- port', '', /^found \["port"\]; expected object/],
    ['port: [', '', /^not valid YAML/],
  ])('are refused in a file with key, value and what is allowed: %s', async (text, key, reason) => {
    const error = await configErrorOf(() => read(text));
    expect(error).toMatchObject({ file: 'sluice.yaml', key });
    if (typeof reason === 'string') expect(error.reason).toBe(reason);
    else expect(error.reason).toMatch(reason);
  });

  it('include each option that a later day adds, read by its own parser', async () => {
    const later = new Command().addOption(
      new Option('--even <n>', 'an even number').env('SLUICE_EVEN').argParser((text: string) => {
        if (Number(text) % 2 !== 0) throw new InvalidArgumentError('allowed: even.');
        return Number(text);
      }),
    );
    const schema = fileSchema(settingsOf(later));
    expect(parseYaml(schema, 'even: 4', 'x.yaml')).toEqual({ even: 4 });
    expect((await configErrorOf(() => parseYaml(schema, 'even: 3', 'x.yaml'))).message).toBe(
      'x.yaml: even: found 3; allowed: even',
    );
  });

  it('are known from variables that only look like them', () => {
    const environment = { SLUICE_PORT: '1', SLUICE_CONFIG: 'x', SLUICE_MAXBYTES: '1', PATH: '/bin' };
    expect(unknownVariables(command, environment)).toEqual(['SLUICE_MAXBYTES']);
  });
});

describe('docs/configuration', () => {
  it('is what `npm run docs` makes from the options', async () => {
    const page = await readFile(CONFIG_PAGE, 'utf8');
    expect(configPageText(page)).toBe(page);
    expect(await readFile(CONFIG_SCHEMA, 'utf8')).toBe(configSchemaText());
    for (const { variable } of settings) expect(page).toContain(`\`${variable}\``);
  });

  it('has an example that both the schema for editors and the command take', async () => {
    const page = await readFile(CONFIG_PAGE, 'utf8');
    const [, text] = /```yaml\n([\s\S]*?)```/.exec(page)!;
    const isValid = new Ajv2020().compile(configSchema());
    expect(isValid(parse(text!)), JSON.stringify(isValid.errors)).toBe(true);
    expect(Object.keys(read(text!))).not.toEqual([]);
    expect(isValid({ prot: 1 })).toBe(false);
    expect(isValid({ port: 80800 })).toBe(false);
  });
});
