import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { PAGE, pageText, policySchema, SCHEMA, schemaText } from '../../docs/make.js';
import type { Cascade } from '../../src/cascade/cascade.js';
import { loadRepository } from '../../src/cascade/loader.js';
import { parseYaml } from '../../src/config-file.js';
import { plansFor } from '../../src/policy/plan.js';
import { PolicyFile } from '../../src/policy/schema.js';
import { MODELS, POLICIES } from '../support/gateway.js';

const page = await readFile(PAGE, 'utf8');
const examples = [...page.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, text]) => text!);

describe('the JSON Schema of policies', () => {
  const isValid = new Ajv2020().compile(policySchema());

  it('is the one that `npm run docs` makes from the code', async () => {
    expect(await readFile(SCHEMA, 'utf8')).toBe(schemaText());
  });

  it('takes every policy of this repository and every example', async () => {
    const files = (await readdir(POLICIES)).filter((file) => file.endsWith('.yaml'));
    expect(files.length).toBeGreaterThan(2);
    for (const text of [
      ...examples,
      ...(await Promise.all(files.map((file) => readFile(join(POLICIES, file), 'utf8')))),
    ])
      expect(isValid(parse(text)), JSON.stringify(isValid.errors)).toBe(true);
  });

  it('refuses what the gateway refuses: a key that is none, a threshold that is no number', () => {
    const good = parse(examples[1]!);
    expect(isValid({ ...good, scores: 'margin' })).toBe(false);
    expect(isValid({ ...good, cascades: { cifar10: { route: [{ rung: 'a', thresholds: ['high'] }] } } })).toBe(false);
  });
});

describe('docs/policies.md', () => {
  let cifar10: Cascade;
  beforeAll(async () => {
    cifar10 = (await loadRepository(MODELS)).cascades.find(({ name }) => name === 'cifar10')!;
  });

  it('has the reference that `npm run docs` makes from the code', () => {
    expect(page).toBe(pageText(page));
  });

  it('has an example of every key', () => {
    const keys = Object.keys((policySchema().oneOf!.at(-1) as { properties: object }).properties);
    expect(keys).toContain('score');
    for (const key of keys.filter((name) => name !== 'description'))
      expect(
        examples.some((text) => new RegExp(`^\\s*${key}:`, 'm').test(text)),
        key,
      ).toBe(true);
  });

  it.each(examples.map((text, at) => [at + 1, text] as const))('example %i can be served', (_, text) => {
    const policy = parseYaml(PolicyFile, text, 'example.yaml');
    const plans = plansFor({ name: 'example', file: 'example.yaml', version: '1', policy }, cifar10);
    expect(plans.length).toBeGreaterThan(0);
  });
});
