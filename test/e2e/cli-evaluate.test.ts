import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { linesOf, printed, refusal, sluice } from '../support/cli.js';
import type { Answer } from '../support/contract.js';
import { FORMATS, jpeg } from '../support/pictures.js';

const PICTURES = 12;

interface Report {
  images: number;
  failed: number;
  top1: number;
  top5: number;
  mean_macs: number;
  full_macs: number;
  ratio: number;
  agreement: number;
  exits: Record<string, number>;
}

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-evaluate-'));
});
afterAll(() => rm(folder, { recursive: true }));

const evaluate = (data: string, ...args: string[]) =>
  sluice(['evaluate', '--cascade', 'cifar10', '--lanes', '1', '--data', data, ...args]);

async function put(file: string, content: Uint8Array | string): Promise<string> {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, content);
  return file;
}

async function classified(policy: string, files: readonly string[]): Promise<Answer[]> {
  const run = await sluice([
    'classify',
    '--cascade',
    'cifar10',
    '--lanes',
    '1',
    '--json',
    '--policy',
    policy,
    ...files,
  ]);
  return linesOf(printed(run)).map((line) => JSON.parse(line) as Answer);
}

const exitOf = ({ route }: Answer) => `${route.backbone}/${route.width}@${route.resolution}#${route.exit}`;
const guess = ({ predictions }: Answer) => predictions[0]!.index;
const share = (hits: number) => Number((hits / PICTURES).toFixed(4));

describe('evaluating pictures in folders named by label and by index', () => {
  const answers: { full?: Answer[]; balanced?: Answer[] } = {};
  const reports: { full?: Report; balanced?: Report } = {};

  beforeAll(async () => {
    const pictures = await Promise.all(Array.from({ length: PICTURES }, (_, i) => jpeg(32 + i, 40, 30 * i)));
    const loose = await Promise.all(pictures.map((bytes, i) => put(join(folder, 'loose', `${i}.jpg`), bytes)));
    [answers.full, answers.balanced] = await Promise.all([classified('full', loose), classified('balanced', loose)]);
    // As the full network sees them: its top-1 must be right on all of them, were the folder named by label or by index.
    const data = join(folder, 'seen');
    for (const [i, bytes] of pictures.entries()) {
      const { index, label } = answers.full![i]!.predictions[0]!;
      await put(join(data, i % 2 === 0 ? label : `${index}`, `${i}.jpg`), bytes);
    }
    const reported = async (policy: string): Promise<Report> =>
      JSON.parse(printed(await evaluate(data, '--policy', policy, '--json')));
    [reports.full, reports.balanced] = await Promise.all([reported('full'), reported('balanced')]);
  });

  it('finds the classes that the folders mean', () => {
    expect(reports.full).toMatchObject({ images: PICTURES, failed: 0, top1: 1, top5: 1 });
  });

  it('reports ratio 1 and agreement 1 for the policy full, all from its last exit', () => {
    const { ratio, agreement, mean_macs, full_macs, exits } = reports.full!;
    expect({ ratio, agreement, mean_macs }).toEqual({ ratio: 1, agreement: 1, mean_macs: full_macs });
    expect(exits).toEqual({ [exitOf(answers.full![0]!)]: PICTURES });
  });

  it('reports the sums of what classify says of each picture', () => {
    const [full, walked] = [answers.full!, answers.balanced!];
    const { full_macs } = reports.balanced!;
    const macs = walked.reduce((sum, { cost }) => sum + cost.macs, 0);
    const exits: Record<string, number> = {};
    for (const answer of walked) exits[exitOf(answer)] = (exits[exitOf(answer)] ?? 0) + 1;
    expect(full_macs).toBe(full[0]!.cost.full_macs);
    expect(reports.balanced).toMatchObject({
      images: PICTURES,
      mean_macs: Math.round(macs / PICTURES),
      ratio: Number((macs / PICTURES / full_macs).toFixed(4)),
      agreement: share(walked.filter((answer, i) => guess(answer) === guess(full[i]!)).length),
      top1: share(walked.filter((answer, i) => guess(answer) === guess(full[i]!)).length),
      top5: share(walked.filter(({ predictions }, i) => predictions.some((p) => p.index === guess(full[i]!))).length),
      exits,
    });
  });

  it('counts every picture at one exit', () => {
    for (const { exits, images } of Object.values(reports)) {
      expect(Object.values(exits).reduce((sum, n) => sum + n, 0)).toBe(images);
    }
  });
});

describe('evaluating a folder with other things in it', () => {
  it('leaves hidden files out, looks into folders, and names what is no picture: exit code 1', async () => {
    const data = join(folder, 'mixed');
    await put(join(data, 'cat', 'a.jpg'), await jpeg());
    await put(join(data, 'cat', 'deep', 'b.png'), await FORMATS.png(32, 32));
    await put(join(data, 'cat', '.DS_Store'), 'hidden');
    await put(join(data, '.cache', 'c.jpg'), 'hidden');
    await put(join(data, 'README.md'), 'no folder');
    const text = await put(join(data, '9', 'text.jpg'), 'no picture');
    const damaged = await put(join(data, '9', 'damaged.jpg'), (await jpeg(64, 64)).subarray(0, 700));
    const { code, stdout, stderr } = await evaluate(data);
    expect(code).toBe(1);
    // The report on stdout, the two failures on stderr, and no progress anywhere.
    expect(linesOf(stdout)[0]).toBe('cifar10, policy balanced: 2 pictures, 2 failed');
    expect(stdout).toMatch(/^ {2}agreement +[\d.]+ % with the full network\n {2}cost +[\d.]+ of [\d.]+ million MACs/m);
    expect(stdout + stderr).not.toMatch(/\r|\d+ of \d+ pictures/);
    expect(linesOf(stderr).sort()).toEqual([
      expect.stringContaining(`sluice: ${damaged}: `),
      expect.stringContaining(`sluice: ${text}: none of JPEG`),
    ]);
  });

  it('takes the first pictures of each class with --limit', async () => {
    const data = join(folder, 'many');
    for (const file of ['cat/a.jpg', 'cat/b.jpg', 'dog/a.jpg', 'dog/b.jpg']) await put(join(data, file), await jpeg());
    expect(JSON.parse(printed(await evaluate(data, '--limit', '1', '--json')))).toMatchObject({ images: 2, failed: 0 });
  });
});

describe('an evaluation is refused', () => {
  it('for a folder that is no class, with what is allowed', async () => {
    const names = ['unicorn', '10'];
    for (const name of names) await put(join(folder, `with-${name}`, name, 'a.jpg'), await jpeg());
    const runs = await Promise.all(names.map((name) => evaluate(join(folder, `with-${name}`))));
    for (const [index, name] of names.entries()) {
      const sentence = refusal(runs[index]!, 1);
      expect(sentence).toContain(`${join(`with-${name}`, name)}: is no class of cifar10; allowed: a label (airplane, `);
      expect(sentence).toContain('an index from 0 to 9');
    }
  });

  it('for data that are empty or not there', async () => {
    await mkdir(join(folder, 'empty', 'cat'), { recursive: true });
    const [empty, missing] = await Promise.all([evaluate(join(folder, 'empty')), evaluate(join(folder, 'nowhere'))]);
    expect(refusal(empty, 1)).toMatch(/empty: holds no pictures: one folder a class/);
    expect(refusal(missing, 1)).toMatch(/nowhere: .*ENOENT/);
  });

  it('for a policy that does not exist, as wrong use', async () => {
    const sentence = refusal(await evaluate(folder, '--policy', 'balance'), 2);
    expect(sentence).toMatch(/"balance".*there are: .*\bfull\b/);
  });
});
