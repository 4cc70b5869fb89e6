import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ModelMetadata, RepositoryIndex, ServerMetadata } from '../../src/http/v2/schema.js';
import { type Answer, ask } from '../support/contract.js';
import { ROOT, startGateway, type TestGateway } from '../support/gateway.js';
import { scene } from '../support/pictures.js';
import { pythonWith } from '../support/python.js';

const SIDE = 64;
const python = await pythonWith(`${ROOT}test/e2e/open-inference.requirements.txt`);

interface Tensor {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly values: readonly (string | number)[];
}
interface Inferred {
  readonly response: {
    readonly id: string;
    readonly model_version: string;
    readonly parameters: Record<string, string>;
  };
  readonly tensors: Readonly<Record<string, Tensor>>;
}
/** What open-inference.py prints. */
interface Said {
  readonly live: boolean;
  readonly ready: boolean;
  readonly model_ready: boolean;
  readonly version_ready: boolean;
  readonly other_ready: boolean;
  readonly server: unknown;
  readonly metadata: unknown;
  readonly index: unknown;
  readonly bytes: Inferred;
  readonly column: Inferred;
  readonly uint8: Inferred;
  readonly fp32: Inferred;
  readonly numbers: Inferred;
  readonly logits: Inferred;
  readonly gzip: Inferred;
  readonly deflate: Inferred;
  readonly asynchronous: Tensor;
  readonly errors: Readonly<Record<string, { readonly status: string; readonly message: string }>>;
}

describe.skipIf(python.path === undefined)(`tritonclient, unchanged${python.missing}`, () => {
  let folder: string;
  let served: TestGateway;
  let server: Server;
  let said: Said;
  /** Of /v1/classify, for the picture and its mirror image. */
  let answers: readonly Answer[];
  let full: Answer;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-open-inference-'));
    served = await startGateway();
    server = createServer(served.app).listen(0);
    const pixels = scene(SIDE, SIDE);
    const drawing = sharp(pixels, { raw: { width: SIDE, height: SIDE, channels: 3 } });
    const pictures = [await drawing.clone().png().toBuffer(), await drawing.clone().flop().png().toBuffer()];
    await writeFile(join(folder, 'picture.png'), pictures[0]!);
    await writeFile(join(folder, 'picture.rgb'), pixels);
    answers = await Promise.all(pictures.map((picture) => ask(served.app, picture, { top: 1 })));
    full = await ask(served.app, pictures[0]!, { top: 3, policy: 'full' });
    const { port } = server.address() as { port: number };
    const files = [join(folder, 'picture.png'), join(folder, 'picture.rgb')];
    const args = [`${ROOT}test/e2e/open-inference.py`, `127.0.0.1:${port}`, ...files, String(SIDE), String(SIDE)];
    const { stdout } = await promisify(execFile)(python.path!, args, { maxBuffer: 10_000_000 });
    said = JSON.parse(stdout) as Said;
  }, 120_000);
  afterAll(async () => {
    server?.close();
    server?.closeAllConnections();
    await served?.gateway.close();
    await rm(folder, { recursive: true });
  });

  /** That tensors say what /v1/classify says of the same pictures. */
  function expectSame({ tensors, response }: Inferred, expected: readonly Answer[]): void {
    const predictions = expected.flatMap(({ predictions: each }) => each);
    const top = expected[0]!.predictions.length;
    expect(tensors.label).toEqual({
      dtype: 'object',
      shape: [expected.length, top],
      values: predictions.map(({ label }) => label),
    });
    expect(tensors.probability).toMatchObject({ dtype: 'float32', shape: [expected.length, top] });
    for (const [i, { probability }] of predictions.entries())
      expect(tensors.probability!.values[i]).toBeCloseTo(probability, 4);
    if (tensors.exit === undefined) return;
    const exits = expected.map(({ route }) => route.exit);
    expect(tensors.exit).toEqual({ dtype: 'int32', shape: [expected.length], values: exits });
    expect(tensors.macs!.dtype).toBe('int64');
    expect(tensors.macs!.values).toEqual(expected.map(({ cost }) => cost.macs));
    expect(tensors.reason!.values).toEqual(expected.map(({ route }) => route.reason));
    expect(tensors.resolution!.values).toEqual(expected.map(({ route }) => route.resolution));
    expect(response.parameters.exit).toBe(exits.join(','));
  }

  it('finds server and model alive, ready and described', () => {
    const { live, ready, model_ready, version_ready, other_ready } = said;
    const found = { live, ready, model_ready, version_ready, other_ready };
    expect(found).toEqual({ live: true, ready: true, model_ready: true, version_ready: true, other_ready: false });
    expect(ServerMetadata.parse(said.server).extensions).toContain('binary_tensor_data');
    const { versions } = ModelMetadata.parse(said.metadata);
    expect(RepositoryIndex.parse(said.index).map(({ version }) => version)).toEqual(versions);
    expect(said.bytes.response).toMatchObject({ id: '42', model_version: versions[0] });
  });

  it('gets the answer of /v1/classify for an encoded picture', () => {
    expectSame(said.bytes, answers.slice(0, 1));
    expectSame(said.column, [full]);
    expect(said.asynchronous.values).toEqual([answers[0]!.predictions[0]!.label]);
  });

  it.each(['uint8', 'fp32', 'numbers', 'gzip', 'deflate'] as const)('and for a batch of pixels: %s', (way) => {
    expectSame(said[way], answers);
  });

  it('gets logits where it asks for them', () => {
    const { logits, macs } = said.logits.tensors;
    expect(Object.keys(said.logits.tensors)).toEqual(['logits', 'macs']);
    expect(logits).toMatchObject({ dtype: 'float32', shape: [1, 10] });
    expect(macs!.values).toEqual([answers[0]!.cost.macs]);
    const highest = Math.max(...logits!.values.map(Number));
    const labels = served.gateway.cascades[0]!.labels.map(({ name }) => name);
    expect(labels[logits!.values.indexOf(highest)]).toBe(answers[0]!.predictions[0]!.label);
  });

  it('understands what it did wrong', () => {
    const { errors } = said;
    const statuses = Object.fromEntries(Object.entries(errors).map(([what, { status }]) => [what, status]));
    expect(statuses).toEqual({ damaged: '422', policy: '404', output: '400', shape: '400', late: '504', model: '404' });
    expect(errors.damaged!.message).toMatch(/^element 1 of "image"/);
    expect(errors.policy!.message).toContain('balanced');
  });
});
