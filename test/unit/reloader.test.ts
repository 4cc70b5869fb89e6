import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Cascade } from '../../src/cascade/cascade.js';
import { readConfiguration } from '../../src/gateway/configuration.js';
import type { Gateway } from '../../src/gateway/gateway.js';
import { ModelStore } from '../../src/gateway/model-store.js';
import { Reloader } from '../../src/gateway/reload.js';
import type { NamedPolicy } from '../../src/policy/loader.js';

const CASCADE = `
labels: [cat, dog]
input: { layout: nhwc-uint8, tensor: image }
graphs:
  - { backbone: net, resolutions: [32], stages: [{ file: a.onnx, inputs: [image], features: [], logits: y }] }
rungs:
  - { backbone: net, resolution: 32 }
`;

let root: string;
let store: ModelStore;
let calls: string[];
/** Stands for one whose lanes load these cascades. */
let cascades: readonly Cascade[];
let reloader: Reloader;

const folders = () => ({ models: join(root, 'models'), policies: join(root, 'policies') });
const describePolicies = (policies: readonly NamedPolicy[]) =>
  policies.map(({ policy }) => policy.description).join(', ');
const write = (description: string) =>
  writeFile(join(folders().policies, 'full.yaml'), `kind: full\ndescription: ${description}\n`);

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'sluice-reloader-'));
  for (const name of ['birds', 'photos']) {
    await mkdir(join(folders().models, name), { recursive: true });
    await writeFile(join(folders().models, name, 'cascade.yaml'), CASCADE);
    await writeFile(join(folders().models, name, 'a.onnx'), name);
  }
  await mkdir(folders().policies);
  await write('one');
  store = await ModelStore.open();
  const started = await readConfiguration(folders(), store);
  ({ cascades } = started.models);
  calls = [];
  const gateway = {
    start: async () => {},
    get cascades() {
      return cascades;
    },
    heldCascades: [],
    setPolicies: (policies: readonly NamedPolicy[]) => calls.push(`policies ${describePolicies(policies)}`),
    setModels: async (models: readonly Cascade[], policies: readonly NamedPolicy[]) => {
      calls.push(`models ${models.map(({ name }) => name)}, policies ${describePolicies(policies)}`);
      cascades = models;
      return { ended: Promise.resolve() };
    },
  };
  reloader = new Reloader(gateway as unknown as Gateway, folders(), store, started);
});
afterEach(async () => {
  reloader.close();
  store.close();
  await rm(root, { recursive: true });
});

describe('a reload', () => {
  it('does not forget what was asked for when a folder could not be read', async () => {
    await write('two');
    await rename(folders().models, `${folders().models}.away`);
    await reloader.reload({ models: true, policies: true });
    expect(reloader.last?.result).toBe('rejected');
    await rename(`${folders().models}.away`, folders().models);
    await reloader.reload({ models: true });
    expect(reloader.last?.result).toBe('accepted');
    expect(calls).toEqual(['policies two']);
  });

  it('tries again, when told so, a cascade that no lane could load at the start, and only then', async () => {
    cascades = cascades.filter(({ name }) => name === 'birds');
    await reloader.reload({ models: true, policies: true });
    expect(calls).toEqual([]);
    await write('two');
    await reloader.reload({ policies: true });
    expect(calls).toEqual(['policies two']);
    expect(reloader.last).toMatchObject({ result: 'accepted', leftOut: ['photos'] });
    // A change of policies does not wait for it.
    await write('three');
    await reloader.reload({ models: true, policies: true, again: true });
    expect(calls.slice(1)).toEqual(['policies three']);
    calls.pop();
    await reloader.reload({ models: true, policies: true, again: true });
    await reloader.reload({ models: true, policies: true, again: true });
    expect(calls.slice(1)).toEqual(['models birds,photos, policies three']);
    expect(reloader.last?.leftOut).toEqual([]);
  });
});
