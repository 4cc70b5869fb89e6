import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Cascade } from '../../src/cascade/cascade.js';
import { loadRepository } from '../../src/cascade/loader.js';
import { versionOf } from '../../src/cascade/version.js';
import { ModelStore } from '../../src/gateway/model-store.js';
import { MODELS } from '../support/gateway.js';

let folder: string;
let store: ModelStore;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-version-'));
  await cp(join(MODELS, 'cifar10'), join(folder, 'cifar10'), { recursive: true });
  store = await ModelStore.open();
});
afterEach(async () => {
  store.close();
  await rm(folder, { recursive: true });
});

const read = async (): Promise<Cascade> => (await loadRepository(folder)).cascades[0]!;

it('is the same wherever its files lie, and whether there are copies of them', async () => {
  const here = await read();
  const version = await versionOf(here);
  expect(version).toMatch(/^[0-9a-f]{12}$/);
  expect(await versionOf(await store.keep(here))).toBe(version);
  const shipped = (await loadRepository(MODELS)).cascades.find(({ name }) => name === 'cifar10')!;
  expect(await versionOf(shipped)).toBe(version);
});

it('is another one for other weights, temperatures or labels, not for another description', async () => {
  const before = await read();
  const version = await versionOf(before);
  expect(await versionOf({ ...before, description: 'new words', isDefault: !before.isDefault })).toBe(version);
  const others: Cascade[] = [
    { ...before, labels: before.labels.map(({ name }) => ({ name: `${name}s` })) },
    { ...before, input: { ...before.input, scale: 2 } },
    {
      ...before,
      rungs: before.rungs.map((rung) => ({
        ...rung,
        stages: rung.stages.map((stage) => ({ ...stage, temperature: stage.temperature + 1 })),
      })),
    },
  ];
  const { stages } = before.rungs[0]!;
  await cp(stages[0]!.file, stages[1]!.file);
  others.push(await read());
  const versions = await Promise.all(others.map(versionOf));
  expect(new Set([version, ...versions]).size).toBe(1 + others.length);
});
