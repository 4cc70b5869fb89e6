import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROOT } from '../support/gateway.js';
import { jpeg } from '../support/pictures.js';

const run = promisify(execFile);
const RECIPES = `${ROOT}models/train/`;
const hasPython = await run('python3', ['--version']).then(
  () => true,
  () => false,
);

interface Command {
  readonly recipe: string;
  readonly options: readonly string[];
}

/** The recipes that the indented lines of a README start, by themselves or by a shell function of their own. */
function commandsOf(markdown: string): Command[] {
  const whole = markdown.replaceAll(/ *\\\n/g, ' ');
  const lines = whole.split('\n').filter((line) => line.startsWith('    '));
  const functions = new Map<string, string>();
  return lines.flatMap((line) => {
    const command = line.replace(/#.*/, '').trim();
    const [, name] = /^(\w+)\(\)/.exec(command) ?? [];
    const [, started] = /models\/train\/([\w-]+\.\w+)/.exec(command) ?? [];
    const recipe = started ?? functions.get(command.split(' ')[0]!);
    if (recipe === undefined || recipe.endsWith('.txt')) return [];
    if (name !== undefined) functions.set(name, recipe);
    return { recipe, options: command.match(/(?<= )--[a-z-]+/g) ?? [] };
  });
}

describe.each(['cifar10', 'photo200'])('the README of %s', (cascade) => {
  it('starts recipes that are there, with options that they have', async () => {
    const commands = commandsOf(await readFile(`${ROOT}models/${cascade}/README.md`, 'utf8'));
    expect(commands.map(({ recipe }) => recipe)).toContain('pack.py');
    const shared = await readFile(`${RECIPES}runs.py`, 'utf8');
    for (const { recipe, options } of commands) {
      const source = await readFile(RECIPES + recipe, 'utf8');
      const known = source + (source.includes('import begin') ? shared : '');
      for (const option of options) expect(known, `${recipe} ${option}`).toContain(`"${option}"`);
    }
  });
});

describe.skipIf(!hasPython)(`pack.py${hasPython ? '' : ' (missing: python3)'}`, () => {
  let folder: string;
  let pictures: Map<string, string>;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-recipes-'));
    pictures = new Map();
    for (const label of ['owl', 'cat']) {
      await mkdir(join(folder, 'from', label, 'images'), { recursive: true });
      for (let i = 0; i < 10; i++) {
        const bytes = await jpeg(16, 16, i * 30 + (label === 'owl' ? 15 : 0));
        pictures.set(bytes.toString('base64'), label);
        await writeFile(join(folder, 'from', label, 'images', `${i}.JPEG`), bytes);
      }
    }
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const pack = (out: string, ...splits: string[]) =>
    run('python3', [`${RECIPES}pack.py`, '--from', join(folder, 'from'), '--out', out, '--splits', ...splits]);

  /** As data.py reads it: offset, length, label, header, number. */
  async function packed(out: string, split: string) {
    const [images, index] = await Promise.all(
      ['images', 'index'].map((part) => readFile(join(out, `${split}.${part}`))),
    );
    return Array.from({ length: index!.length / 20 }, (_, row) => {
      const [offset, length, label, header] = [0, 4, 8, 12].map((at) => index!.readUInt32LE(row * 20 + at));
      expect(header).toBe(0);
      return { label: label!, jpeg: images!.subarray(offset!, offset! + length!).toString('base64') };
    });
  }

  it('gives each split its pictures of every class, byte for byte, none twice, in an order of its own', async () => {
    const out = join(folder, 'data');
    await pack(out, 'train=6', 'val=3', 'test');
    const classes = (await readFile(join(out, 'classes.txt'), 'utf8')).trim().split('\n');
    expect(classes).toEqual(['cat', 'owl']);
    const splits = await Promise.all(['train', 'val', 'test'].map((split) => packed(out, split)));
    expect(splits.map((rows) => classes.map((_, k) => rows.filter(({ label }) => label === k).length))).toEqual([
      [6, 6],
      [3, 3],
      [1, 1],
    ]);
    for (const { label, jpeg } of splits.flat()) expect(pictures.get(jpeg)).toBe(classes[label]);
    expect(new Set(splits.flat().map(({ jpeg }) => jpeg)).size).toBe(20);
    const labels = splits[0]!.map(({ label }) => label);
    expect(labels).not.toEqual(labels.toSorted());
  });

  it('gives the same again, and names a folder that is no class of the data', async () => {
    const out = join(folder, 'again');
    await pack(out, 'train=6');
    const first = await packed(out, 'train');
    await pack(out, 'train=6');
    expect(await packed(out, 'train')).toEqual(first);
    await writeFile(join(out, 'classes.txt'), 'cat\tCat\n');
    await expect(pack(out, 'train=6')).rejects.toMatchObject({ stderr: expect.stringContaining('owl is no class of') });
  });
});
