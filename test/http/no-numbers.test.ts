/** A network whose arithmetic overflows answers nothing: neither a class that it does not mean, nor a probability that is no number. */

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import request from 'supertest';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { loadCascade } from '../../src/cascade/loader.js';
import { RequestError } from '../../src/errors.js';
import { PolicyFile } from '../../src/policy/schema.js';
import { expectProblem, post } from '../support/contract.js';
import { startGateway, type TestGateway } from '../support/gateway.js';
import { GraphBuilder } from '../support/graphs.js';
import { jpeg } from '../support/pictures.js';

let folder: string;
let served: TestGateway;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-no-numbers-'));
  const graph = new GraphBuilder()
    .image()
    .weight('w', [2, 3], [-1, -1, -1, -2, -2, -2])
    .node('GlobalAveragePool', ['image'], 'pool')
    .node('Flatten', ['pool'], 'flat', { axis: 1 })
    .node('Gemm', ['flat', 'w'], 'below', { transB: 1 })
    .node('Sqrt', ['below'], 'exit1')
    .output('exit1');
  await writeFile(join(folder, 'net.onnx'), graph.bytes());
  const manifest = {
    labels: ['dark', 'light'],
    input: { layout: 'nchw-float32', tensor: 'image', scale: 255 },
    graphs: [
      {
        backbone: 'net',
        resolutions: [16],
        stages: [{ file: 'net.onnx', inputs: ['image'], features: [], logits: 'exit1' }],
      },
    ],
    rungs: [{ backbone: 'net', resolution: 16 }],
  };
  await writeFile(join(folder, 'cascade.yaml'), stringify(manifest));
  const cascades = [await loadCascade(join(folder, 'cascade.yaml'), 'net')];
  const route = [{ rung: 'net/1@16', thresholds: [null] }];
  const policy = PolicyFile.parse({ kind: 'threshold', score: 'entropy', cascades: { net: { route } } });
  const policies = [{ name: 'balanced', file: 'balanced.yaml', version: '1', policy }];
  served = await startGateway({ cascades, policies, lanes: 1, defaultCascade: 'net' });
});
afterAll(async () => {
  await served.gateway.close();
  await rm(folder, { recursive: true });
});

it('is 500 for the caller, who is not told of files, in either protocol', async () => {
  const picture = await jpeg();
  expect(expectProblem(await post(served.app, picture), 500, 'internal')).not.toContain('onnx');
  const [data, parameters] = [[picture.toString('base64')], { content_type: 'base64' }];
  const inputs = [{ name: 'image', shape: [1], datatype: 'BYTES', data, parameters }];
  const { status, text } = await request(served.app).post('/v2/models/net/infer').send({ inputs });
  expect(status).toBe(500);
  expect(text).not.toContain('onnx');
});

it('says which file for the log', async () => {
  using admission = served.gateway.admit({ deadlineAt: Number.POSITIVE_INFINITY });
  const asked = { image: await jpeg(), top: 1, deadlineAt: Number.POSITIVE_INFINITY, explain: false };
  const error = await served.gateway.classify(asked, admission).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(RequestError);
  expect((error as RequestError).detail).toMatch(/net\.onnx gives logits that are no numbers$/);
});
