import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { Manifest } from '../../src/cascade/manifest.js';
import { parseYaml, readYaml } from '../../src/config-file.js';
import { PolicyFile } from '../../src/policy/schema.js';
import { configErrorOf } from '../support/config-error.js';

const Schema = z.strictObject({
  name: z.string(),
  sizes: z.array(z.number().max(10)).default([1]),
  nested: z.strictObject({ on: z.boolean() }).optional(),
});
const refused = (text: string, schema: z.ZodType = Schema) => configErrorOf(() => parseYaml(schema, text, 'some.yaml'));

describe('parseYaml', () => {
  it('gives what the schema makes of the file, defaults filled in', () => {
    expect(parseYaml(Schema, 'name: a # a comment\nnested: {on: true}', 'some.yaml')).toEqual({
      name: 'a',
      sizes: [1],
      nested: { on: true },
    });
  });

  it('follows anchors', () => {
    expect(parseYaml(z.record(z.string(), z.array(z.int())), 'a: &a [1, 2]\nb: *a', 'some.yaml')).toEqual({
      a: [1, 2],
      b: [1, 2],
    });
  });

  it.each([
    ['an open bracket', 'name: [a', 1],
    ['a key given twice', 'name: a\nname: b', 2],
    ['tabs as indentation', 'nested:\n\ton: true', 2],
  ])('says on which line the YAML is broken: %s', async (_, text, line) => {
    const { file, key, reason } = await refused(text);
    expect({ file, key }).toEqual({ file: 'some.yaml', key: '' });
    expect(reason).toMatch(new RegExp(`not valid YAML: .*\\bline ${line}\\b`));
  });

  it('says that a file holds one document, and where another begins', async () => {
    const { file, key, reason } = await refused('name: a\n# more\n---\nname: b');
    expect({ file, key }).toEqual({ file: 'some.yaml', key: '' });
    expect(reason).toBe('found a second document ("---") at line 3; allowed: one document a file');
    expect(parseYaml(Schema, '---\nname: a\n', 'some.yaml').name).toBe('a');
  });

  it.each([
    ['an alias without its anchor', 'name: *nobody'],
    ['aliases that multiply without end', `${bomb()}name: a`],
    ['an anchor inside of itself', 'name: a\nsizes: &loop [*loop]'],
  ])('refuses %s as an error of the file', async (_, text) => {
    expect((await refused(text)).file).toBe('some.yaml');
  });

  it.each([
    ['an empty file', '', '', /found null.*object/],
    ['a key that is missing', 'sizes: [1]', 'name', /found nothing.*string/],
    ['a value of another type', 'name: 5', 'name', /found 5.*string/],
    ['a value in a list', 'name: a\nsizes: [1, 2, 30]', 'sizes[2]', /found 30.*10/],
    ['a value deep inside', 'name: a\nnested: {on: maybe}', 'nested.on', /found "maybe".*boolean/],
    ['an unknown key', 'name: a\ncolour: red', '', /unknown key "colour"/],
    ['an unknown key deep inside', 'name: a\nnested: {on: true, off: false}', 'nested', /unknown key "off"/],
  ])('names the key, what was found and what is allowed: %s', async (_, text, key, reason) => {
    const error = await refused(text);
    expect(error.key).toBe(key);
    expect(error.reason).toMatch(reason);
    expect(error.message).toBe(`some.yaml: ${key === '' ? '' : `${key}: `}${error.reason}`);
  });

  it('shows only the beginning of a long value', async () => {
    const { reason } = await refused(`name: [${'long, '.repeat(1000)}]`);
    expect(reason.length).toBeLessThan(200);
  });

  it('says what a policy and a label may be', async () => {
    expect((await refused('kind: wild', PolicyFile)).reason).toMatch(/'full' \| 'threshold'/);
    const { key, reason } = await refused('labels: [cat, 5]', Manifest);
    expect(key).toBe('labels[1]');
    expect(reason).toMatch(/found 5.*(name|string)/);
  });
});

describe('readYaml', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-config-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('reads from disk, and names the file in errors', async () => {
    const file = join(folder, 'good.yaml');
    await writeFile(file, 'name: a');
    expect(await readYaml(Schema, file)).toEqual({ name: 'a', sizes: [1] });
    await writeFile(file, 'name: 5');
    expect((await configErrorOf(() => readYaml(Schema, file))).file).toBe(file);
  });

  it('says why a file cannot be read', async () => {
    const file = join(folder, 'missing.yaml');
    expect(await configErrorOf(() => readYaml(Schema, file))).toMatchObject({
      file,
      key: '',
      reason: expect.stringContaining('ENOENT'),
    });
    expect((await configErrorOf(() => readYaml(Schema, folder))).reason).toContain('EISDIR');
  });
});

/** Each line repeats the one before ten times. */
function bomb(): string {
  const ten = (name: string) => Array(10).fill(`*${name}`).join(', ');
  const names = [...'abcdefgh'];
  return `x0: &a [1]\n${names
    .slice(1)
    .map((name, i) => `x${i + 1}: &${name} [${ten(names[i]!)}]\n`)
    .join('')}`;
}
