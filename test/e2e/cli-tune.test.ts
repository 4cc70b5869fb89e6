import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { printed, refusal, sluice } from '../support/cli.js';
import { jpeg } from '../support/pictures.js';

interface Report {
  images: number;
  full: { macs: number; top1: number };
  policy: { route: { rung: string; thresholds: (number | null)[] }[] };
  top1: number;
  ratio: number;
  exits: { rung: string; exit: number; macs: number; top1: number }[];
}

let folder: string;
let data: string;
const policies = () => join(folder, 'policies');
const tune = (...args: string[]) => sluice(['tune', '--cascade', 'cifar10', '--lanes', '1', '--data', data, ...args]);

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

describe('sluice tune', () => {
  it('writes a policy that does what the report says, and keeps what the file says of other cascades', async () => {
    const file = join(policies(), 'mine.yaml');
    await writeFile(
      file,
      'kind: threshold\ncascades:\n  # of somebody else\n  other:\n    route:\n      - { rung: net/1@32, thresholds: [null] }\n',
    );
    const report = JSON.parse(printed(await tune('--max-drop', '0pt', '--out', file, '--json'))) as Report;
    expect(report.images).toBe(20);
    expect(report.top1).toBeGreaterThanOrEqual(report.full.top1);
    expect(report.ratio).toBeLessThanOrEqual(1);
    expect(report.exits).toHaveLength(16);

    const text = await readFile(file, 'utf8');
    expect(text).toContain('# of somebody else');
    const { cascades } = parse(text) as { cascades: Record<string, Report['policy']> };
    expect(Object.keys(cascades)).toEqual(['other', 'cifar10']);
    expect(cascades.cifar10!.route).toEqual(report.policy.route);

    const evaluated = JSON.parse(
      printed(
        await sluice(
          ['evaluate', '--cascade', 'cifar10', '--lanes', '1', '--data', data, '--json'].concat([
            '--policies',
            policies(),
            '--policy',
            'mine',
          ]),
        ),
      ),
    ) as { top1: number; ratio: number; full_top1: number };
    expect(evaluated).toMatchObject({ top1: report.top1, full_top1: report.full.top1 });
    expect(evaluated.ratio).toBeCloseTo(report.ratio, 3);
  });

  it('stays within a budget', async () => {
    const report = JSON.parse(printed(await tune('--budget-macs', '5000000', '--json'))) as Report;
    expect(report.ratio * report.full.macs).toBeLessThanOrEqual(5_001_000);
  });

  it('says in words what it chose', async () => {
    const text = printed(await tune('--max-drop', '1', '--limit', '3'));
    expect(text).toMatch(/^cifar10, 6 pictures, 0 failed$/m);
    expect(text).toMatch(/chosen: top-1 .* at ratio /);
  });

  it('wants a target, one only, and one that can be reached', async () => {
    expect(refusal(await tune(), 2)).toContain('--max-drop or --budget-macs');
    expect(refusal(await tune('--max-drop', 'much'), 2)).toContain('points from 0 to 100');
    expect(refusal(await tune('--max-drop', '1', '--budget-macs', '5'), 2)).toContain('cannot be used with');
    expect(refusal(await tune('--budget-macs', '1000'), 2)).toMatch(/--budget-macs must be at least \d{6}/);
    expect(refusal(await tune('--max-drop', '1', '--rungs', 'slimnet/3@32'), 2)).toContain(
      'found "slimnet/3@32"; cifar10 has:',
    );
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

  it('uses only the rungs that it may', async () => {
    const report = JSON.parse(printed(await tune('--max-drop', '50', '--rungs', 'slimnet/0.5@32', '--json'))) as Report;
    expect(report.policy.route.map(({ rung }) => rung)).toEqual(['slimnet/0.5@32']);
  });

  it('does not write over a policy of another kind', async () => {
    const file = join(policies(), 'static.yaml');
    await writeFile(file, 'kind: full\n');
    expect(refusal(await tune('--max-drop', '1', '--limit', '2', '--out', file), 1)).toContain('found "full"');
    expect(await readFile(file, 'utf8')).toBe('kind: full\n');
  });
});
