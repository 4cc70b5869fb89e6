/** A cascade with a first rung that is nearly free and a second one that takes long: for tests of early stops. */

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { Cascade } from '../../src/cascade/cascade.js';
import { loadCascade } from '../../src/cascade/loader.js';
import type { NamedPolicy } from '../../src/policy/loader.js';
import { PolicyFile } from '../../src/policy/schema.js';
import { GraphBuilder } from './graphs.js';

const LABELS = ['dark', 'light'];
const CHANNELS = 384;

const quick = () => new GraphBuilder().image().head('image', 'exit1', 3, LABELS.length);
const slow = () =>
  new GraphBuilder()
    .image()
    .conv('image', 'c1', 3, CHANNELS)
    .conv('c1', 'c2', CHANNELS, CHANNELS)
    .conv('c2', 'c3', CHANNELS, CHANNELS)
    .head('c3', 'exit1', CHANNELS, LABELS.length);
const stage = (file: string) => ({ file, inputs: ['image'], features: [], logits: 'exit1' });

/** Writes `slow` into a folder of `directory` and loads it. */
export async function slowCascade(directory: string): Promise<Cascade> {
  const folder = join(directory, 'slow');
  await mkdir(folder);
  await writeFile(join(folder, 'quick.onnx'), quick().bytes());
  await writeFile(join(folder, 'slow.onnx'), slow().bytes());
  const manifest = {
    labels: LABELS,
    input: { layout: 'nchw-float32', tensor: 'image', scale: 255 },
    graphs: [
      { backbone: 'quick', resolutions: [16], stages: [stage('quick.onnx')] },
      { backbone: 'slow', resolutions: [64], stages: [stage('slow.onnx')] },
    ],
    rungs: [
      { backbone: 'quick', resolution: 16 },
      { backbone: 'slow', resolution: 64 },
    ],
  };
  await writeFile(join(folder, 'cascade.yaml'), stringify(manifest));
  return loadCascade(join(folder, 'cascade.yaml'), 'slow');
}

/** Walks `slow` to its end, or until the budget is spent. */
export function slowPolicy(name: string, budgetMacs?: number): NamedPolicy {
  const route = {
    route: [
      { rung: 'quick/1@16', thresholds: [null] },
      { rung: 'slow/1@64', thresholds: [null] },
    ],
  };
  const policy = PolicyFile.parse({
    kind: 'threshold',
    cascades: { slow: { ...route, ...(budgetMacs === undefined ? {} : { budget_macs: budgetMacs }) } },
  });
  return { name, file: `${name}.yaml`, version: '1', policy };
}
