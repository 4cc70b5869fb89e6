import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { deflateSync, gzipSync } from 'node:zlib';
import request from 'supertest';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createApp } from '../../src/http/app.js';
import { Auth } from '../../src/http/auth.js';
import { LENGTH_HEADER } from '../../src/http/v2/binary.js';
import {
  ModelMetadata,
  ModelReady,
  RepositoryIndex,
  ServerLive,
  ServerMetadata,
  ServerReady,
} from '../../src/http/v2/schema.js';
import { ask } from '../support/contract.js';
import { startGateway, type TestGateway } from '../support/gateway.js';
import {
  bodyOf,
  bytesInput,
  infer,
  inferErrorOf,
  inferRaw,
  inferredOf,
  pixelsInput,
} from '../support/open-inference.js';
import { drawn, jpeg, scene } from '../support/pictures.js';
import { until } from '../support/process.js';

let served: TestGateway;
beforeAll(async () => {
  served = await startGateway();
});
afterAll(() => served.gateway.close());

const png = (side: number, hue: number) => drawn(side, side, hue).png().toBuffer();
const binary = { parameters: { binary_data_output: true } };

describe('metadata', () => {
  it('tells of server and models, with and without a version', async () => {
    const server = ServerMetadata.parse((await request(served.app).get('/v2')).body);
    expect(server).toMatchObject({ name: 'sluice', extensions: ['binary_tensor_data'] });
    const model = ModelMetadata.parse((await request(served.app).get('/v2/models/cifar10')).body);
    expect(model.versions).toEqual([expect.stringMatching(/^[0-9a-f]{12}$/)]);
    const path = `/v2/models/cifar10/versions/${model.versions[0]}`;
    expect((await request(served.app).get(path)).body).toEqual(model);
    expect(model.outputs.find(({ name }) => name === 'logits')!.shape).toEqual([-1, 10]);
    const ready = await request(served.app).get(`${path}/ready`);
    expect(ModelReady.parse(ready.body)).toEqual({ name: 'cifar10', ready: true });
    expect((await request(served.app).get('/v2/models/cifar10/ready')).status).toBe(200);
    const index = RepositoryIndex.parse((await request(served.app).post('/v2/repository/index')).body);
    expect(index).toEqual([{ name: 'cifar10', version: model.versions[0], state: 'READY', reason: '' }]);
  });

  it('says live and ready', async () => {
    const live = await request(served.app).get('/v2/health/live');
    expect([live.status, ServerLive.parse(live.body)]).toEqual([200, { live: true }]);
    const ready = await request(served.app).get('/v2/health/ready');
    expect([ready.status, ServerReady.parse(ready.body)]).toEqual([200, { live: true, ready: true }]);
  });
});

describe('an inference', () => {
  it.each(['JSON', 'binary'])('says in %s what /v1/classify says, of each picture its own way', async (how) => {
    const images = await Promise.all([20, 140, 260].map((hue) => jpeg(48, 40, hue)));
    const answers = await Promise.all(images.map((image) => ask(served.app, image, { top: 2, explain: true })));
    const names = ['label', 'index', 'probability', 'exit', 'resolution', 'macs', 'reason', 'steps'];
    const parameters = { top: 2, ...(how === 'binary' ? binary.parameters : {}) };
    const outputs = names.map((name) => ({ name }));
    const { response, values } = inferredOf(
      await infer(served.app, bytesInput(images), { parameters, outputs, id: '42' }),
    );
    expect(response.outputs.map(({ name }) => name)).toEqual(names);
    const predictions = answers.flatMap((answer) => answer.predictions);
    expect(values('label')).toEqual(predictions.map(({ label }) => label));
    expect(values('index')).toEqual(predictions.map(({ index }) => index));
    for (const [i, { probability }] of predictions.entries())
      expect(values('probability')[i]).toBeCloseTo(probability, 4);
    expect(values('exit')).toEqual(answers.map(({ route }) => route.exit));
    expect(values('resolution')).toEqual(answers.map(({ route }) => route.resolution));
    expect(values('macs')).toEqual(answers.map(({ cost }) => cost.macs));
    expect(values('reason')).toEqual(answers.map(({ route }) => route.reason));
    const steps = values('steps').map((text) => JSON.parse(String(text)) as { exited: boolean; exit: number }[]);
    expect(steps.map((each) => each.length)).toEqual(answers.map(({ route }) => route.steps!.length));
    expect(response.outputs.find(({ name }) => name === 'label')!.shape).toEqual([3, 2]);
    expect(response).toMatchObject({ model_name: 'cifar10', id: '42' });
    expect(response.parameters).toMatchObject({
      policy: 'balanced',
      policy_version: answers[0]!.route.policy_version,
      exit: values('exit').join(','),
      resolution: values('resolution').join(','),
      macs: values('macs').join(','),
      reason: values('reason').join(','),
      full_macs: answers[0]!.cost.full_macs,
    });
  });

  it('gives all but logits and steps where no outputs are named', async () => {
    const response = await infer(served.app, bytesInput([await jpeg()], [1, 1]));
    const { outputs, id } = inferredOf(response).response;
    const names = ['label', 'index', 'probability', 'exit', 'resolution', 'macs', 'reason'];
    expect(outputs.map(({ name }) => name)).toEqual(names);
    expect(id).toBe(response.headers['x-request-id']);
  });

  it("takes what Triton's clients send as ordinary arguments: a priority, no timeout, no outputs", async () => {
    const asked = { parameters: { priority: 1, timeout: 0 }, outputs: [] };
    const { outputs } = inferredOf(await infer(served.app, bytesInput([await jpeg()]), asked)).response;
    expect(outputs).toHaveLength(7);
  });

  it('lets each output choose its own way back', async () => {
    const outputs = [{ name: 'label' }, { name: 'probability', parameters: { binary_data: false } }];
    const { response } = inferredOf(await infer(served.app, bytesInput([await jpeg()]), { ...binary, outputs }));
    expect(response.outputs.map(({ data }) => data === undefined)).toEqual([true, false]);
  });

  it('gives logits whose softmax are the probabilities', async () => {
    const outputs = [{ name: 'logits' }, { name: 'probability' }];
    const asked = { outputs, parameters: { top: 10 } };
    const { values, response } = inferredOf(
      await infer(served.app, bytesInput([await jpeg(), await jpeg(9, 9)]), asked),
    );
    expect(response.outputs[0]!.shape).toEqual([2, 10]);
    for (const row of [0, 1]) {
      const logits = values('logits')
        .slice(10 * row, 10 * row + 10)
        .map(Number);
      const sum = logits.reduce((total, z) => total + Math.exp(z), 0);
      const softmax = logits.map((z) => Math.exp(z) / sum).sort((a, b) => b - a);
      for (const [i, p] of softmax.entries()) expect(values('probability')[10 * row + i]).toBeCloseTo(p, 5);
    }
  });

  it.each([32, 70, 200])('of pixels says what a PNG of them says: %i px', async (side) => {
    const hues = [10, 200];
    const tensor = pixelsInput(
      hues.map((hue) => scene(side, side, hue)),
      side,
      side,
    );
    for (const policy of ['balanced', 'full']) {
      const { values } = inferredOf(await infer(served.app, tensor, { parameters: { policy } }));
      for (const [i, hue] of hues.entries()) {
        const { predictions, route } = await ask(served.app, await png(side, hue), { policy });
        expect([values('label')[i], values('exit')[i]]).toEqual([predictions[0]!.label, route.exit]);
        expect(values('probability')[i]).toBeCloseTo(predictions[0]!.probability, 4);
      }
    }
  });

  it('may be all JSON, with pixels as numbers or pictures in base64', async () => {
    const pixels = [...scene(32, 32)];
    const ways = [
      { datatype: 'UINT8', shape: [1, 32, 32, 3], data: pixels },
      { datatype: 'FP32', shape: [1, 32, 32, 3], data: pixels },
      {
        datatype: 'BYTES',
        shape: [1],
        data: [(await png(32, 30)).toString('base64')],
        parameters: { content_type: 'base64' },
      },
    ];
    const { predictions } = await ask(served.app, await png(32, 30));
    for (const way of ways) {
      const body = Buffer.from(JSON.stringify({ inputs: [{ name: 'image', ...way }] }));
      const { values } = inferredOf(await inferRaw(served.app, body, { 'Content-Type': 'application/json' }));
      expect(values('label')).toEqual([predictions[0]!.label]);
    }
  });

  it('may be the bytes of one picture alone', async () => {
    const picture = await jpeg();
    const { response, values } = inferredOf(await inferRaw(served.app, picture, { [LENGTH_HEADER]: '0' }));
    expect(response.outputs.every(({ data }) => data === undefined)).toBe(true);
    expect(values('label')).toEqual([(await ask(served.app, picture)).predictions[0]!.label]);
  });

  it.each<[string, (body: Buffer) => Buffer]>([
    ['gzip', gzipSync],
    ['deflate', deflateSync],
  ])('may be packed with %s', async (encoding, pack) => {
    const { body, length } = bodyOf(bytesInput([await jpeg()]));
    const headers = { 'Content-Encoding': encoding, [LENGTH_HEADER]: String(length) };
    inferredOf(await inferRaw(served.app, pack(body), headers));
    inferErrorOf(await inferRaw(served.app, body, headers), 400);
  });

  it('is answered by the version that it names, and by no other', async () => {
    const [version] = ModelMetadata.parse((await request(served.app).get('/v2/models/cifar10')).body).versions;
    const tensor = bytesInput([await jpeg()]);
    const path = (name: string) => `/v2/models/cifar10/versions/${name}/infer`;
    const { response } = inferredOf(await infer(served.app, tensor, { path: path(version!) }));
    expect(response.model_version).toBe(version);
    expect(inferErrorOf(await infer(served.app, tensor, { path: path('1') }), 404)).toContain(version!);
  });

  it('counts each picture of a batch in the metrics', async () => {
    const of = async (code: string) => {
      const lines = (await served.deps.metrics.registry.metrics()).split('\n');
      const line = lines.find((each) =>
        each.startsWith(`sluice_requests_total{cascade="cifar10",policy="fast",code="${code}"}`),
      );
      return Number(line?.split(' ').at(-1) ?? 0);
    };
    const parameters = { policy: 'fast' };
    const before = [await of('200'), await of('422')];
    inferredOf(await infer(served.app, bytesInput([await jpeg(), await jpeg(), await jpeg()]), { parameters }));
    const half = (await jpeg(99, 99)).subarray(0, 500);
    inferErrorOf(await infer(served.app, bytesInput([await jpeg(), half]), { parameters }), 422);
    expect([await of('200'), await of('422')]).toEqual([before[0]! + 3, before[1]! + 2]);
  });
});

describe('a refusal has the shape of the protocol', () => {
  it('and names the element that is wrong', async () => {
    const good = await jpeg(200, 200);
    const cut = good.subarray(0, good.length / 2);
    expect(inferErrorOf(await infer(served.app, bytesInput([good, cut, good])), 422)).toMatch(/^element 1 of "image"/);
    const text = Buffer.from('just words');
    expect(inferErrorOf(await infer(served.app, bytesInput([good, good, text])), 415)).toMatch(/^element 2 /);
  });

  it.each([
    ['get', '/v2/models/dogs', 404],
    ['get', '/v2/models/dogs/ready', 404],
    ['get', '/v2/models/cifar10/versions/1/ready', 404],
    ['get', '/v2/nothing', 404],
    ['get', '/v2/models/%E0%A4%A', 400],
    ['post', '/v2/models/dogs/infer', 404],
    ['post', '/v2/models/cifar10/infer', 400],
    ['get', '/v2/models/cifar10/infer', 405],
    ['get', '/v2/repository/index', 405],
  ] as const)('%s %s is %i', async (method, path, status) => {
    const response = await request(served.app)[method](path);
    inferErrorOf(response, status);
    if (status === 405) expect(response.headers.allow).toBe('POST');
  });

  it('for a policy that is not there', async () => {
    const response = await infer(served.app, bytesInput([await jpeg()]), { parameters: { policy: 'wild' } });
    expect(inferErrorOf(response, 404)).toContain('balanced');
  });

  it('for too many bytes, packed or not, and a packing that is not ours', async () => {
    const limited = createApp({ ...served.deps, maxBytes: 10_000 });
    const tensor = pixelsInput([new Uint8Array(60 * 60 * 3)], 60, 60);
    inferErrorOf(await infer(limited, tensor), 413);
    const { body, length } = bodyOf(tensor);
    const headers = { 'Content-Encoding': 'gzip', [LENGTH_HEADER]: String(length) };
    expect(gzipSync(body).length).toBeLessThan(1000);
    inferErrorOf(await inferRaw(limited, gzipSync(body), headers), 413);
    inferErrorOf(await inferRaw(limited, body.subarray(0, 100), { 'Content-Encoding': 'br' }), 415);
  });

  it('when no exit is passed in time', async () => {
    const image = await drawn(1200, 1200).png().toBuffer();
    for (const parameters of [{ deadline_ms: 1 }, { timeout: 1000 }]) {
      // Behind others it would be refused at once, as it cannot be in time.
      await vi.waitUntil(() => served.gateway.lanes.every(({ requests }) => requests === 0), { timeout: 20_000 });
      inferErrorOf(await infer(served.app, bytesInput([image]), { parameters }), 504);
    }
  });

  it('where keys are set, but for probes', async () => {
    const auth = new Auth({ keyHashes: [createHash('sha256').update('sesame').digest('hex')], ratePerSecond: 0 });
    const closed = createApp({ ...served.deps, auth });
    const tensor = bytesInput([await jpeg()]);
    for (const asked of [
      infer(closed, tensor),
      request(closed).get('/v2'),
      request(closed).get('/v2/models/cifar10'),
    ]) {
      const response = await asked;
      inferErrorOf(response, 401);
      expect(response.headers['www-authenticate']).toBe('Bearer');
    }
    for (const path of ['/v2/health/live', '/v2/health/ready'])
      expect((await request(closed).get(path)).status).toBe(200);
    inferredOf(await infer(closed, tensor, { headers: { Authorization: 'Bearer sesame' } }));
  });
});

describe('a batch holds no more than there is place for', () => {
  it('and is refused as a whole where there is too little, leaving nothing behind', async () => {
    const small = await startGateway({ lanes: 1, queue: 4 });
    try {
      const images = Array<Buffer>(64).fill(await drawn(400, 400).png().toBuffer());
      const response = await infer(small.app, bytesInput(images));
      inferErrorOf(response, 503);
      expect(response.headers['retry-after']).toMatch(/^[1-9]\d*$/);
      await until('nothing waits', () => small.gateway.queued === 0);
      await until('nothing is aboard', () => small.gateway.lanes.every(({ requests }) => requests === 0));
      inferredOf(await infer(small.app, bytesInput(images.slice(0, 4))));
    } finally {
      await small.gateway.close();
    }
  });

  it('and is answered although a lane dies with a part of it', async () => {
    const tensor = pixelsInput(Array<Buffer>(100).fill(scene(200, 200)), 200, 200);
    const asked = infer(served.app, tensor, { parameters: { policy: 'full' } }).then((response) => response);
    const busy = () => served.gateway.lanes.find(({ requests }) => requests > 0);
    await until('a lane has some of it', () => busy() !== undefined);
    process.kill(busy()!.pid, 'SIGKILL');
    const { values } = inferredOf(await asked);
    expect(new Set(values('label')).size).toBe(1);
    expect(served.deaths.length).toBe(1);
    await until('there are two lanes again', () => served.gateway.laneCounts.ready === 2);
  });

  it('and gives its places back when its caller hangs up', async () => {
    const server = createServer(served.app).listen(0);
    try {
      const images = Array<Buffer>(100).fill(await drawn(400, 400).png().toBuffer());
      const { body, length } = bodyOf(bytesInput(images), { parameters: { policy: 'full' } });
      const socket = connect((server.address() as { port: number }).port, '127.0.0.1');
      socket.write(
        `POST /v2/models/cifar10/infer HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n${LENGTH_HEADER}: ${length}\r\n\r\n`,
      );
      socket.write(body);
      await until('the batch is there', () => served.gateway.queued > 0);
      socket.destroy();
      await until('nothing waits', () => served.gateway.queued === 0);
      await until('nothing is aboard', () => served.gateway.lanes.every(({ requests }) => requests === 0));
    } finally {
      server.close();
      server.closeAllConnections();
    }
  });
});
