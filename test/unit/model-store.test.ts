import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Cascade } from '../../src/cascade/cascade.js';
import { ConfigError, StartError } from '../../src/errors.js';
import { ModelStore } from '../../src/gateway/model-store.js';
import { shownError } from '../../src/gateway/reload.js';
import { configErrorOf } from '../support/config-error.js';

let folder: string;
let store: ModelStore;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-store-'));
  await mkdir(folder, { recursive: true });
  store = await ModelStore.open();
});
afterEach(async () => {
  store.close();
  await rm(folder, { recursive: true });
});

const cascadeOf = (...files: readonly string[]): Cascade => {
  const stages = files.map((file) => ({
    file: join(folder, file),
    inputs: ['image'],
    features: [],
    logits: 'exit1',
    temperature: 1,
  }));
  return {
    name: 'c',
    file: join(folder, 'cascade.yaml'),
    description: '',
    isDefault: false,
    labels: [],
    input: { layout: 'nhwc-uint8', tensor: 'image', scale: 1, kernel: 'cubic' },
    rungs: [{ id: 'b/1@8', backbone: 'b', width: 1, resolution: 8, stages }],
  };
};
const copiesOf = (cascade: Cascade) => cascade.rungs[0]!.stages.map(({ copy }) => copy!);
const write = (file: string, text: string) => writeFile(join(folder, file), text);

describe('copies of stage files', () => {
  it('outlive the files that are written over or taken away', async () => {
    await write('a.onnx', 'first');
    const [copy] = copiesOf(await store.keep(cascadeOf('a.onnx')));
    await write('a.onnx', 'second');
    const [next] = copiesOf(await store.keep(cascadeOf('a.onnx')));
    await rm(join(folder, 'a.onnx'));
    expect(await readFile(copy!, 'utf8')).toBe('first');
    expect(await readFile(next!, 'utf8')).toBe('second');
  });

  it('are made again when somebody has taken them away', async () => {
    await write('a.onnx', 'text');
    const [copy] = copiesOf(await store.keep(cascadeOf('a.onnx')));
    await rm(copy!);
    const [again] = copiesOf(await store.keep(cascadeOf('a.onnx')));
    expect(await readFile(again!, 'utf8')).toBe('text');
  });

  it('are one for the same bytes, whatever their file and time', async () => {
    await write('a.onnx', 'same');
    await write('b.onnx', 'same');
    const before = copiesOf(await store.keep(cascadeOf('a.onnx', 'b.onnx')));
    await write('a.onnx', 'same');
    expect(new Set([...before, ...copiesOf(await store.keep(cascadeOf('a.onnx')))]).size).toBe(1);
  });

  it('are removed when nothing needs them any more, and all of them at the end', async () => {
    await write('a.onnx', 'a');
    await write('b.onnx', 'b');
    const [a, b] = copiesOf(await store.keep(cascadeOf('a.onnx', 'b.onnx')));
    await store.sweep([await store.keep(cascadeOf('b.onnx'))]);
    expect([existsSync(a!), existsSync(b!)]).toEqual([false, true]);
    expect(copiesOf(await store.keep(cascadeOf('a.onnx')))).toEqual([a]);
    expect(existsSync(a!)).toBe(true);
    store.close();
    expect(existsSync(dirname(b!))).toBe(false);
  });

  it('of files that are not there are refused by their name', async () => {
    const error = await configErrorOf(() => store.keep(cascadeOf('none.onnx')));
    expect(error).toMatchObject({ file: join(folder, 'none.onnx'), reason: 'cannot be copied: ENOENT' });
  });

  it('of files that cannot be read to their end are refused by their name', async () => {
    await mkdir(join(folder, 'a.onnx'));
    const error = await configErrorOf(() => store.keep(cascadeOf('a.onnx')));
    expect(error).toMatchObject({ file: join(folder, 'a.onnx'), reason: 'cannot be copied: EISDIR' });
  });

  it('that cannot be written are no fault of the models: the folder is named, and why', async () => {
    await write('a.onnx', 'a');
    const [copy] = copiesOf(await store.keep(cascadeOf('a.onnx')));
    await rm(dirname(copy!), { recursive: true });
    const said = `no copies of the models can be written to ${tmpdir()} (TMPDIR): ENOENT, no such file or directory`;
    await expect(store.keep(cascadeOf('a.onnx'))).rejects.toThrow(new StartError(said));
    // Callers hear of a refused reload, but not where its files lie.
    const folders = { models: join(folder, 'models'), policies: join(folder, 'policies') };
    const { file, reason } = shownError(new ConfigError(folders.models, '', said), folders);
    expect([file, reason]).toEqual(['models', said.replace(tmpdir(), '$TMPDIR')]);
  });

  it('have no folder where TMPDIR is none', async () => {
    vi.stubEnv('TMPDIR', join(folder, 'nowhere'));
    await expect(ModelStore.open()).rejects.toThrow(`${join(folder, 'nowhere')} (TMPDIR): ENOENT`);
    vi.unstubAllEnvs();
  });
});
