import { appendFile, cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CIFAR10 } from '../support/cifar10.js';
import { linesOf, printed, refusal, sluice } from '../support/cli.js';
import { ROOT } from '../support/gateway.js';
import { jpeg } from '../support/pictures.js';

let folder: string;
let data: string;
let models: string;
const kept = () => join(folder, 'kept.jsonl');
const tune = (...args: string[]) =>
  sluice([
    ...['tune', '--cascade', 'cifar10', '--lanes', '1', '--data', data, '--models', models],
    ...['--max-drop', '1', '--json', ...args],
  ]);
/** Without the costs in milliseconds: each start measures its own. */
const read = async () => linesOf(await readFile(kept(), 'utf8'));

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-record-'));
  data = join(folder, 'data');
  models = join(folder, 'models');
  await cp(join(ROOT, 'models', 'cifar10'), join(models, 'cifar10'), { recursive: true });
  await mkdir(join(data, 'ship'), { recursive: true });
  for (let i = 0; i < 6; i++) await writeFile(join(data, 'ship', `${i}.jpg`), await jpeg(32, 32, 50 * i));
});
afterAll(() => rm(folder, { recursive: true }));

describe('the record of sluice tune', () => {
  it('holds what every exit said of every picture, and gives the same result again without running a model', async () => {
    const first = printed(await tune('--record', kept()));
    const [head, ...lines] = (await read()).map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(head).toMatchObject({ sluice_record: 2, cascade: 'cifar10', classes: 10 });
    expect(lines).toHaveLength(6);
    for (const { said } of lines)
      expect((said as unknown[][]).map((exits) => exits.length)).toEqual(
        CIFAR10.rungs.map(({ stages }) => stages.length),
      );
    const before = await read();
    expect(printed(await tune('--record', kept()))).toBe(first);
    expect(await read()).toEqual(before);
  });

  it('counts as none where it is of an earlier format', async () => {
    printed(await tune('--record', kept()));
    const [head, ...lines] = await read();
    await writeFile(kept(), `${[head!.replace('"sluice_record":2', '"sluice_record":1'), ...lines].join('\n')}\n`);
    printed(await tune('--record', kept()));
    const again = await read();
    expect(JSON.parse(again[0]!)).toMatchObject({ sluice_record: 2 });
    expect(again).toHaveLength(7);
  });

  it('goes on where it was interrupted, in the middle of a line', async () => {
    const first = printed(await tune('--record', kept()));
    const whole = await read();
    await writeFile(kept(), `${whole.slice(0, 4).join('\n')}\n${whole[4]!.slice(0, 100)}`);
    expect(printed(await tune('--record', kept()))).toBe(first);
    const again = await read();
    expect(again.slice(0, 4)).toEqual(whole.slice(0, 4));
    expect(again).toHaveLength(7);
  });

  it('knows pictures by their bytes: further ones are added, others are not used', async () => {
    printed(await tune('--record', kept()));
    await writeFile(join(data, 'ship', '6.jpg'), await jpeg(32, 32, 301));
    const more = JSON.parse(printed(await tune('--record', kept()))) as { images: number };
    expect(more.images).toBe(7);
    expect(await read()).toHaveLength(8);
    await rm(join(data, 'ship', '6.jpg'));
    expect((JSON.parse(printed(await tune('--record', kept()))) as { images: number }).images).toBe(6);
  });

  it('is not used, and is begun anew, once a model or a temperature changes', async () => {
    printed(await tune('--record', kept()));
    const before = await read();
    const file = join(models, 'cifar10', 'cascade.yaml');
    const manifest = await readFile(file, 'utf8');
    await writeFile(file, manifest.replace(/temperatures: \[[\d.]+,/, 'temperatures: [9,'));
    printed(await tune('--record', kept()));
    await writeFile(file, manifest);
    const after = await read();
    expect(after).toHaveLength(7);
    expect(JSON.parse(after[0]!)).not.toMatchObject({ models: (JSON.parse(before[0]!) as { models: string }).models });
  });

  it('is refused, and not written over, where the file is something else or damaged', async () => {
    const other = join(folder, 'notes.txt');
    await writeFile(other, 'my notes\nof today\n');
    expect(refusal(await tune('--record', other), 1)).toContain('line 1: found "my notes"');
    expect(await readFile(other, 'utf8')).toBe('my notes\nof today\n');
    await writeFile(other, 'my notes');
    expect(refusal(await tune('--record', other), 1)).toContain('line 1: found "my notes"');
    expect(await readFile(other, 'utf8')).toBe('my notes');
    expect(refusal(await tune('--record', folder), 1)).toContain('allowed: a record of tune');
    printed(await tune('--record', kept()));
    await appendFile(kept(), 'nonsense\n');
    expect(refusal(await tune('--record', kept()), 1)).toContain('found "nonsense"');
    await rm(kept());
  });

  it('is not kept with --no-record', async () => {
    const cache = join(folder, 'cache');
    const args = ['tune', '--cascade', 'cifar10', '--lanes', '1', '--data', data, '--max-drop', '1'];
    printed(await sluice([...args, '--no-record'], { env: { XDG_CACHE_HOME: cache } }));
    await expect(readFile(cache)).rejects.toThrow('ENOENT');
  });
});
