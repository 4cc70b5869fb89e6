import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { CIFAR10 } from '../support/cifar10.js';
import { linesOf, printed, refusal, sluice } from '../support/cli.js';
import type { Answer } from '../support/contract.js';
import { jpeg } from '../support/pictures.js';

interface Report {
  score: string;
  images: number;
  failed: number;
  agreement: number;
  mean_macs: number;
  mean_ms: number;
  p95_ms: number;
  held_out: { images: number; top1: number; ratio: number } | null;
  guarantee: { risk: number; confidence: number; pictures: number } | null;
  gates: unknown[] | null;
  full: { macs: number; ms: number; top1: number | null };
  policy: { route: { rung: string; thresholds: (number | null)[] }[] };
  top1: number | null;
  ratio: number;
  exits: { rung: string; exit: number; macs: number; top1: number }[];
}

let folder: string;
let data: string;
const policies = () => join(folder, 'policies');
/** What exits say is kept in a cache of these tests' own. */
const env = () => ({ XDG_CACHE_HOME: join(folder, 'cache') });
const tuneOn = (pictures: string, ...args: string[]) =>
  sluice(['tune', '--cascade', 'cifar10', '--lanes', '1', '--data', pictures, ...args], { env: env() });
const tune = (...args: string[]) => tuneOn(data, ...args);
const evaluated = async (policy: string, pictures = data) =>
  JSON.parse(
    printed(
      await sluice(
        ['evaluate', '--cascade', 'cifar10', '--lanes', '1', '--data', pictures, '--json'].concat([
          '--policies',
          policies(),
          '--policy',
          policy,
        ]),
      ),
    ),
  ) as { top1: number; ratio: number; full_top1: number; agreement: number };

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-tune-'));
  data = join(folder, 'data');
  await mkdir(policies());
  // Drawn scenes in two classes: what the network makes of them does not matter, only that tuning and serving agree on it.
  for (const [name, hue] of [
    ['ship', 0],
    ['truck', 120],
  ] as const) {
    await mkdir(join(data, name), { recursive: true });
    for (let i = 0; i < 10; i++) await writeFile(join(data, name, `${i}.jpg`), await jpeg(32, 32, hue + 7 * i));
  }
});
afterAll(() => rm(folder, { recursive: true }));

/** The pictures in folders named by what the full network says of them: the cheapest exit cannot be better by luck. */
async function seenByFull(): Promise<string> {
  const files = ['ship', 'truck'].flatMap((name) => Array.from({ length: 10 }, (_, i) => join(data, name, `${i}.jpg`)));
  const run = await sluice([
    'classify',
    '--cascade',
    'cifar10',
    '--lanes',
    '1',
    '--policy',
    'full',
    '--json',
    ...files,
  ]);
  for (const [i, line] of linesOf(printed(run)).entries()) {
    const { id, predictions } = JSON.parse(line) as Answer;
    const named = join(folder, 'seen', predictions[0]!.label);
    await mkdir(named, { recursive: true });
    await copyFile(id, join(named, `${i}.jpg`));
  }
  return join(folder, 'seen');
}

// A test may start three processes one after another, each with its own lane.
describe('sluice tune', { timeout: 120_000 }, () => {
  it('writes a policy that does what the report says, and keeps what the file says of other cascades', async () => {
    const file = join(policies(), 'mine.yaml');
    await writeFile(
      file,
      'kind: threshold\ncascades:\n  # of somebody else\n  other:\n    route:\n      - { rung: net/1@32, thresholds: [null] }\n',
    );
    const report = JSON.parse(printed(await tune('--max-drop', '0pt', '--out', file, '--json'))) as Report;
    expect(report.images).toBe(20);
    expect(report.top1).toBeGreaterThanOrEqual(report.full.top1!);
    expect(report.ratio).toBeLessThanOrEqual(1);
    expect(report.exits).toHaveLength(CIFAR10.rungs.flatMap(({ stages }) => stages).length);

    const text = await readFile(file, 'utf8');
    expect(text).toContain('# of somebody else');
    const { cascades } = parse(text) as { cascades: Record<string, Report['policy']> };
    expect(Object.keys(cascades)).toEqual(['other', 'cifar10']);
    expect(cascades.cifar10!.route).toEqual(report.policy.route);

    const served = await evaluated('mine');
    expect(served).toMatchObject({ top1: report.top1, full_top1: report.full.top1, agreement: report.agreement });
    expect(served.ratio).toBeCloseTo(report.ratio, 3);
  });

  it.each(['margin', 'entropy', 'patience', 'gate'])('tunes for score %s what is served with it', async (score) => {
    const file = join(policies(), `${score}.yaml`);
    const report = JSON.parse(
      printed(await tune('--budget-macs', '30000000', '--score', score, '--out', file, '--json')),
    ) as Report;
    const policy = parse(await readFile(file, 'utf8')) as { score: string };
    expect([policy.score, report.score]).toEqual([score, score]);
    const served = await evaluated(score);
    expect(served).toMatchObject({ top1: report.top1, agreement: report.agreement });
    expect(served.ratio).toBeCloseTo(report.ratio, 3);
    expect(report.gates === null).toBe(score !== 'gate');
  });

  it('writes operating points from the chosen one down to the cheapest, the first of which is served', async () => {
    const file = join(policies(), 'points.yaml');
    const pictures = await seenByFull();
    const report = JSON.parse(
      printed(await tuneOn(pictures, '--max-drop', '0', '--points', '3', '--out', file, '--json')),
    ) as Report & { policy: { points: { name: string; expected: { macs: number; top1: number } }[] } };
    const { points } = report.policy;
    expect(points.length).toBeGreaterThan(1);
    for (const [i, { expected }] of points.slice(1).entries())
      expect(expected.macs).toBeLessThan(points[i]!.expected.macs);
    expect(points[0]!.name).toMatch(/^cost-\d+$/);
    expect(points[0]!.expected).toMatchObject({ macs: report.mean_macs, top1: report.top1 });
    expect((await evaluated('points', pictures)).top1).toBe(report.top1);
  });

  it('stays within a budget', async () => {
    const report = JSON.parse(printed(await tune('--budget-macs', '5000000', '--json'))) as Report;
    expect(report.mean_macs).toBeLessThanOrEqual(5_000_000);
  });

  it('says in words what it chose', async () => {
    const text = printed(await tune('--max-drop', '1', '--limit', '3'));
    expect(text).toMatch(/^cifar10, 6 pictures, 0 failed$/m);
    expect(text).toMatch(/chosen: top-1 .* at ratio /);
  });

  it('wants a target, one only, and one that can be reached', async () => {
    expect(refusal(await tune(), 2)).toContain('--max-drop, --budget-macs,');
    expect(refusal(await tune('--max-drop', 'much'), 2)).toContain('points from 0 to 100');
    expect(refusal(await tune('--max-drop', '1', '--budget-macs', '5'), 2)).toContain('cannot be used with');
    expect(refusal(await tune('--budget-macs', '1000'), 2)).toMatch(/--budget-macs must be at least \d{6}/);
    expect(refusal(await tune('--max-drop', '1', '--rungs', 'slimnet/3@32'), 2)).toContain(
      'found "slimnet/3@32"; cifar10 has:',
    );
    expect(refusal(await tune('--max-drop', '0', '--rungs', 'slimnet/0.5@24'), 2)).toMatch(
      /the closest loses -?\d+\.\d\d points of top-1 and agrees with it on \d+\.\d\d %/,
    );
    expect(refusal(await tune('--min-agreement', '0.9'), 2)).toContain('goes with --max-drop');
    expect(refusal(await tune('--min-agreement', '0.9', '--risk', '0.1'), 2)).toContain('cannot be used with');
    expect(refusal(await tune('--max-drop', '1', '--out', 'policy'), 1)).toContain('allowed: NAME.yaml');
  });

  it('names a picture that it cannot use, leaves it out, and fails at the end', async () => {
    const bad = join(data, 'ship', 'bad.jpg');
    await writeFile(bad, 'no picture');
    const { code, stdout, stderr } = await tune('--max-drop', '1', '--json');
    await rm(bad);
    expect({ code, failed: (JSON.parse(stdout) as { failed: number }).failed }).toEqual({ code: 1, failed: 1 });
    expect(stderr).toContain('bad.jpg');
  });

  it('stays within mean and tail of the time of inference, and says what is the least', async () => {
    const full = JSON.parse(printed(await tune('--max-drop', '0', '--json'))) as Report;
    const [mean, tail] = [0.6 * full.full.ms, 0.9 * full.full.ms];
    const cheap = JSON.parse(printed(await tune('--budget-ms', String(mean), '--json'))) as Report;
    expect(cheap.mean_ms).toBeLessThanOrEqual(1.001 * mean);
    const fast = JSON.parse(printed(await tune('--latency-p95', String(tail), '--json'))) as Report;
    expect(fast.p95_ms).toBeLessThanOrEqual(1.001 * tail);
    const least = /--budget-ms must be at least ([\d.]+)/.exec(refusal(await tune('--budget-ms', '0.00001'), 2))![1]!;
    printed(await tune('--budget-ms', least));
    expect(refusal(await tune('--latency-p95', '0.00001'), 2)).toMatch(/--latency-p95 must be at least [\d.]+/);
  });

  it('takes pictures without labels: agreement with the full network is the quality', async () => {
    const loose = join(folder, 'loose');
    await mkdir(loose);
    for (let i = 0; i < 6; i++) await writeFile(join(loose, `${i}.jpg`), await jpeg(32, 32, 50 * i));
    const run = ['tune', '--cascade', 'cifar10', '--lanes', '1', '--data', loose, '--max-drop', '0'];
    const report = JSON.parse(printed(await sluice([...run, '--json'], { env: env() }))) as Report;
    expect(report).toMatchObject({ images: 6, top1: null, full: { top1: null }, agreement: 1 });
    expect(printed(await sluice(run, { env: env() }))).toContain('chosen: agreement 100.00 %');
  });

  it('judges on pictures that it did not solve on: held out ones, or those of another folder', async () => {
    const held = JSON.parse(printed(await tune('--max-drop', '1', '--holdout', '0.5', '--json'))) as Report;
    expect([held.images, held.held_out!.images]).toEqual([10, 10]);
    const test = JSON.parse(printed(await tune('--max-drop', '1', '--test', data, '--json'))) as Report;
    expect(test.held_out).toMatchObject({ images: 20, top1: test.top1, ratio: test.ratio });
    expect(refusal(await tune('--max-drop', '1', '--holdout', '1'), 2)).toContain('a number from 0, up to 0.9');
  });

  it('promises a bound on the answers that differ, with its confidence and its pictures, in the policy too', async () => {
    const file = join(policies(), 'safe.yaml');
    const report = JSON.parse(
      printed(await tune('--risk', '0.4', '--confidence', '0.8', '--out', file, '--json')),
    ) as Report;
    expect(report.guarantee).toEqual({ risk: 0.4, confidence: 0.8, pictures: 10 });
    const { cascades } = parse(await readFile(file, 'utf8')) as { cascades: { cifar10: Report } };
    expect(cascades.cifar10.guarantee).toEqual(report.guarantee);
    expect((await evaluated('safe')).agreement).toBe(report.agreement);
    expect(refusal(await tune('--risk', '0.01'), 2)).toContain('found 20 pictures; so small a risk needs at least 598');
  });

  it('writes a report with its charts', async () => {
    const report = join(folder, 'report');
    printed(await tune('--max-drop', '1', '--holdout', '0.5', '--report', report));
    const text = await readFile(join(report, 'report.md'), 'utf8');
    expect(text).toContain('# Tuning of cifar10');
    const charts = [...text.matchAll(/\]\((.*\.svg)\)/g)].map(([, name]) => name!);
    expect(charts).toHaveLength(1 + CIFAR10.rungs.length);
    for (const chart of charts) expect((await sharp(join(report, chart)).metadata()).format).toBe('svg');
    const frontier = await readFile(join(report, 'frontier.svg'), 'utf8');
    for (const shown of ['tuned', 'MSDNet rule, last rung', 'each exit alone', 'chosen', 'oracle', 'held out'])
      expect(frontier).toContain(`>${shown}<`);
  });

  it('uses only the rungs that it may', async () => {
    const report = JSON.parse(printed(await tune('--max-drop', '50', '--rungs', 'slimnet/0.5@32', '--json'))) as Report;
    expect(report.policy.route.map(({ rung }) => rung)).toEqual(['slimnet/0.5@32']);
  });

  it('does not give a file another score that other cascades are walked by', async () => {
    const file = join(policies(), 'shared.yaml');
    await writeFile(
      file,
      'kind: threshold\nscore: margin\ncascades:\n  other: { route: [{ rung: net/1@32, thresholds: [null] }] }\n',
    );
    const sentence = refusal(await tune('--max-drop', '1', '--limit', '2', '--out', file), 1);
    expect(sentence).toContain('score: found "margin", for other, too');
  });

  it('does not write over a policy of another kind', async () => {
    const file = join(policies(), 'static.yaml');
    await writeFile(file, 'kind: full\n');
    expect(refusal(await tune('--max-drop', '1', '--limit', '2', '--out', file), 1)).toContain('found "full"');
    expect(await readFile(file, 'utf8')).toBe('kind: full\n');
  });
});
