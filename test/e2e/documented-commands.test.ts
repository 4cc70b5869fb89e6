import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { printed, sluice } from '../support/cli.js';
import { ROOT } from '../support/gateway.js';

const PAGES = [
  'README.md',
  'models/README.md',
  'models/cifar10/README.md',
  'models/photo200/README.md',
  'docs/configuration.md',
  'docs/policies.md',
  'docs/tuning.md',
  'docs/admission.md',
  'docs/operations.md',
  'docs/security.md',
  'docs/traces.md',
];

/** By command: its options, as `--help` has them. */
const options = new Map<string, readonly string[]>();
beforeAll(async () => {
  const listed = printed(await sluice(['--help'])).split('Commands:')[1]!;
  const names = [...listed.matchAll(/^ {2}(\w+) (?!\[command\])/gm)].map(([, name]) => name!);
  const helps = await Promise.all(names.map(async (name) => printed(await sluice([name, '--help']))));
  for (const [i, help] of helps.entries()) {
    options.set(
      names[i]!,
      [...help.matchAll(/^ +(?:-\w, )?(--[\w-]+)/gm)].map(([, option]) => option!),
    );
  }
});

/** Every `sluice COMMAND ...` of a page, in blocks and in sentences. */
function commandsOf(markdown: string): { name: string; given: string[] }[] {
  const whole = markdown.replaceAll(/ *\\\n/g, ' ');
  return [...whole.matchAll(/\bsluice ([a-z]+)([^`|&;\n]*)/g)]
    .filter(([, name]) => options.has(name!))
    .map(([, name, rest]) => ({ name: name!, given: rest!.match(/(?<= )--[a-z][a-z0-9-]*/g) ?? [] }));
}

describe('the commands that are documented', () => {
  it.each(PAGES)('have the options that they are given: %s', async (page) => {
    for (const { name, given } of commandsOf(await readFile(ROOT + page, 'utf8'))) {
      for (const option of given) expect(options.get(name), `${name} ${option}`).toContain(option);
    }
  });

  it('are found where they stand', async () => {
    const found = commandsOf(await readFile(`${ROOT}models/README.md`, 'utf8'));
    const names = found.filter(({ given }) => given.length > 0).map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(['import', 'tune', 'evaluate', 'serve']));
  });

  it('look at folders elsewhere as models/README.md says', async () => {
    const page = (await readFile(`${ROOT}models/README.md`, 'utf8')).replaceAll('\n', ' ');
    const [, ...without] = /every command `--models`, and `--policies` to all but `(\w+)` and `(\w+)`/.exec(page)!;
    const ofModels = [...options].filter(([, known]) => known.includes('--models'));
    expect(ofModels.length).toBeGreaterThan(5);
    const lacking = ofModels.filter(([, known]) => !known.includes('--policies')).map(([name]) => name);
    expect(lacking.sort()).toEqual(without.sort());
  });
});

describe('npm scripts that are documented', () => {
  it('are there', async () => {
    const { scripts } = JSON.parse(await readFile(`${ROOT}package.json`, 'utf8'));
    const { stdout } = await promisify(execFile)(
      'grep',
      ['-ohE', 'npm run (-s )?[a-z:]+', 'README.md', 'CONTRIBUTING.md'],
      {
        cwd: ROOT,
      },
    );
    const named = stdout
      .trim()
      .split('\n')
      .map((line) => line.split(' ').at(-1)!);
    expect(named).toContain('package');
    expect(Object.keys(scripts)).toEqual(expect.arrayContaining(named));
  });
});
