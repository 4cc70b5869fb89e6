import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { StartError } from '../../src/errors.js';
import { candidatesIn, readModels } from '../../src/gateway/configuration.js';
import { ModelStore } from '../../src/gateway/model-store.js';

const CASCADE = `
labels: [cat, dog]
input: { layout: nhwc-uint8, tensor: image }
graphs:
  - { backbone: net, resolutions: [32], stages: [{ file: below/a.onnx, inputs: [image], features: [], logits: y }] }
rungs:
  - { backbone: net, resolution: 32 }
`;

let models: string;
beforeEach(async () => {
  models = await mkdtemp(join(tmpdir(), 'sluice-models-of-'));
});
afterEach(() => rm(models, { recursive: true }));

const add = async (name: string, text: string) => {
  await mkdir(join(models, name, 'below'), { recursive: true });
  await writeFile(join(models, name, 'below', 'a.onnx'), name);
  await writeFile(join(models, name, 'cascade.yaml'), text);
};
const candidates = async () => {
  const found = await candidatesIn(models, await readModels(models));
  return found.map(({ name, isDefault }) => [name, isDefault]);
};

describe('the cascades of a folder', () => {
  it('are all in its order, also those that are broken', async () => {
    await add('birds', 'labels: nobody');
    await add('cars', CASCADE);
    await add('apes', `${CASCADE}default: true`);
    expect(await candidates()).toEqual([
      ['apes', true],
      ['birds', false],
      ['cars', false],
    ]);
  });

  it.each([
    ['a value is wrong', 'default: true\nlabels: nobody', true],
    ['it is no YAML', 'labels: [\n"default" : true # this one', true],
    ['that stands in a comment only', 'labels: nobody # default: true', false],
    ['it says no', 'default: false\nlabels: nobody', false],
  ])('say that they are the default also where %s', async (_, text, isDefault) => {
    await add('birds', text);
    expect(await candidates()).toEqual([['birds', isDefault]]);
  });

  it('may be the default where nobody can read them', async () => {
    await mkdir(join(models, 'birds', 'cascade.yaml'), { recursive: true });
    expect(await candidates()).toEqual([['birds', true]]);
  });

  it('are known by their folder when a stage file below it cannot be copied', async () => {
    await add('birds', CASCADE);
    await rm(join(models, 'birds', 'below', 'a.onnx'));
    await mkdir(join(models, 'birds', 'below', 'a.onnx'));
    const store = await ModelStore.open();
    const read = await readModels(models, store);
    store.close();
    expect(read).toMatchObject({ cascades: [], broken: [{ file: join(models, 'birds', 'below', 'a.onnx') }] });
    expect((await candidatesIn(models, read)).map(({ name }) => name)).toEqual(['birds']);
  });

  it('are not called broken where nothing can be copied', async () => {
    await add('birds', CASCADE);
    const store = await ModelStore.open();
    store.close();
    await expect(readModels(models, store)).rejects.toThrow(StartError);
  });
});
