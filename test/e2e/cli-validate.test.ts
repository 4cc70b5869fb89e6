import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { linesOf, printed, type Run, sluice } from '../support/cli.js';
import { MODELS, POLICIES } from '../support/gateway.js';
import { copyPolicies } from '../support/small-folders.js';

interface Finding {
  file: string;
  key: string;
  reason: string;
}

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-validate-'));
});
afterAll(() => rm(folder, { recursive: true }));

const findings = ({ code, stdout, stderr }: Run): Finding[] => {
  expect({ code, stderr }).toEqual({ code: 1, stderr: '' });
  return JSON.parse(stdout).errors;
};

describe("the package's own models and policies", () => {
  it('have no errors', async () => {
    const [text, json] = [await sluice(['validate']), await sluice(['validate', '--json'])];
    expect(printed(text)).toMatch(/^\d+ cascades?, \d+ policies, 0 errors\n$/);
    expect(JSON.parse(printed(json))).toEqual({
      cascades: expect.arrayContaining(['cifar10']),
      policies: expect.arrayContaining(['balanced', 'full']),
      errors: [],
    });
  });
});

describe('policies with mistakes', () => {
  const WRONG: Record<string, { change: (policy: string) => string; key: string; reason: RegExp }> = {
    'number.yaml': {
      change: edited((_, route) => (route[0].thresholds[0] = 1.5)),
      key: 'cascades.cifar10.route[0].thresholds[0]',
      reason: /found 1\.5; allowed: 0 to 1/,
    },
    'rung.yaml': {
      change: edited((_, route) => (route[0].rung = 'slimnet/0.5@31')),
      key: 'cascades.cifar10.route[0].rung',
      reason: /found "slimnet\/0\.5@31"; cifar10 has: .*slimnet\/0\.5@32/,
    },
    'key.yaml': {
      change: (policy) => policy.replace('thresholds:', 'treshholds:'),
      key: 'cascades.cifar10.route[0]',
      reason: /unknown key "treshholds"; allowed: rung, thresholds/,
    },
    'cascade.yaml': {
      change: edited((policy) => (policy.cascades = { cifar11: policy.cascades.cifar10 })),
      key: 'cascades.cifar11',
      reason: /found "cifar11"; allowed: .*\bcifar10\b/,
    },
    'kind.yaml': {
      change: edited((policy) => (policy.kind = 'treshold')),
      key: 'kind',
      reason: /found "treshold"; expected 'full' \| 'threshold'/,
    },
    'exits.yaml': {
      change: edited((_, route) => (route[0].thresholds = Array(99).fill(0.5))),
      key: 'cascades.cifar10.route[0].thresholds',
      reason: /found 99 thresholds; \S+ has \d+ exits/,
    },
    'broken.yaml': {
      change: (policy) => `${policy}\n[`,
      key: '',
      reason: /not valid YAML: .* line \d+/,
    },
  };
  let policies: string;
  let errors: Finding[];

  beforeAll(async () => {
    policies = join(folder, 'policies');
    await cp(POLICIES, policies, { recursive: true });
    const balanced = stringify(parse(await readFile(join(POLICIES, 'balanced.yaml'), 'utf8')));
    for (const [name, { change }] of Object.entries(WRONG)) await writeFile(join(policies, name), change(balanced));
    errors = findings(await sluice(['validate', '--policies', policies, '--json']));
  });

  it('are each found once, and no other', () => {
    expect(errors.map(({ file }) => file).sort()).toEqual(
      Object.keys(WRONG)
        .map((name) => join(policies, name))
        .sort(),
    );
  });

  it.each(Object.entries(WRONG))('name file, key, what was found and what is allowed: %s', (name, { key, reason }) => {
    const error = errors.find(({ file }) => file === join(policies, name))!;
    expect(error.key).toBe(key);
    expect(error.reason).toMatch(reason);
  });

  it('are said the same without --json', async () => {
    const { code, stdout, stderr } = await sluice(['validate', '--policies', policies]);
    expect({ code, stderr }).toEqual({ code: 1, stderr: '' });
    const lines = linesOf(stdout);
    expect(lines.slice(0, -1)).toEqual(
      errors.map(({ file, key, reason }) => `error: ${file}: ${key === '' ? '' : `${key}: `}${reason}`),
    );
    expect(lines.at(-1)).toMatch(new RegExp(`, ${errors.length} errors$`));
  });
});

describe('models with mistakes', () => {
  it('are named, and the policies that speak of them are not blamed', async () => {
    const models = join(folder, 'models');
    await mkdir(join(models, 'cifar10'), { recursive: true });
    const file = join(models, 'cifar10', 'cascade.yaml');
    await cp(join(MODELS, 'cifar10', 'cascade.yaml'), file);
    const policies = join(folder, 'policies of cifar10');
    await copyPolicies(policies);
    const run = await sluice(['validate', '--models', models, '--policies', policies, '--json']);
    const [error, ...more] = findings(run);
    expect({ ...error, more }).toEqual({
      file,
      key: 'graphs[0].stages[0].file',
      reason: expect.stringMatching(/\.onnx does not exist/),
      more: [],
    });
  });

  it('that are no graphs are named with the stage file', async () => {
    const models = join(folder, 'damaged');
    await cp(MODELS, models, { recursive: true });
    const manifest = parse(await readFile(join(models, 'cifar10', 'cascade.yaml'), 'utf8'));
    const stage = join(models, 'cifar10', manifest.graphs[0].stages[1].file);
    await writeFile(stage, (await readFile(stage)).subarray(0, 2000));
    const errors = findings(await sluice(['validate', '--models', models, '--json']));
    expect(errors).toEqual([{ file: stage, key: '', reason: expect.stringContaining('not a graph that can run') }]);
  });

  it('that are not there at all are an error', async () => {
    const models = join(folder, 'none');
    await mkdir(models);
    const errors = findings(await sluice(['validate', '--models', models, '--json']));
    expect(errors).toEqual([{ file: models, key: '', reason: expect.stringContaining('cascade.yaml') }]);
  });
});

describe('a file of API keys', () => {
  const validated = async (text: string) => {
    const file = join(folder, 'keys.yaml');
    await writeFile(file, text);
    return { file, run: await sluice(['validate', '--keys', file, '--json']) };
  };
  const SHA256 = 'ab'.repeat(32);

  it('is checked with the names of policies and cascades in it', async () => {
    const right = await validated(`keys: [{ name: app, sha256: ${SHA256}, policies: [fast], cascade: cifar10 }]`);
    expect(JSON.parse(printed(right.run)).errors).toEqual([]);
    const { file, run } = await validated(`keys: [{ name: app, sha256: ${SHA256}, policies: [fast, fats] }]`);
    const reason = expect.stringMatching(/^found "fats"; there are: .*fast/);
    expect(findings(run)).toEqual([{ file, key: 'keys[0].policies', reason }]);
  });

  it('that is wrong is named, and shows no secret', async () => {
    const { file, run } = await validated('keys: [{ name: app, sha256: sluice_this-is-a-secret-key }]');
    expect(findings(run)).toEqual([{ file, key: 'keys[0].sha256', reason: expect.stringContaining('64 hexadecimal') }]);
    expect(run.stdout).not.toContain('this-is-a-secret');
  });
});

// biome-ignore lint/suspicious/noExplicitAny: what these functions make is wrong on purpose
type Loose = any;

/** Changes a parsed policy and its first cascade's route. */
function edited(change: (policy: Loose, route: Loose) => unknown): (policy: string) => string {
  return (text) => {
    const policy = parse(text);
    change(policy, policy.cascades.cifar10.route);
    return stringify(policy);
  };
}
