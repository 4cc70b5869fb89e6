import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import request from 'supertest';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { Gateway } from '../../src/gateway/gateway.js';
import { createApp } from '../../src/http/app.js';
import { Auth } from '../../src/http/auth.js';
import { type Answer, ask, expectProblem, post } from '../support/contract.js';
import { POLICIES, startGateway, type TestGateway } from '../support/gateway.js';
import { jpeg } from '../support/pictures.js';
import { until } from '../support/process.js';

let served: TestGateway;
beforeAll(async () => {
  served = await startGateway();
});
afterAll(() => served.gateway.close());

const get = (path: string) => request(served.app).get(path);

describe('/v1/cascades', () => {
  it('lists what is served, each rung with what its exits cost', async () => {
    const { status, body } = await get('/v1/cascades');
    expect(status).toBe(200);
    const cifar10 = body.cascades.find(({ name }: { name: string }) => name === 'cifar10');
    expect(cifar10).toMatchObject({
      default: true,
      classes: 10,
      policies: expect.arrayContaining(['balanced', 'full']),
    });
    for (const { id, backbone, width, resolution, exits } of cifar10.rungs) {
      expect(id).toBe(`${backbone}/${width}@${resolution}`);
      expect(exits.map(({ exit }: { exit: number }) => exit)).toEqual(exits.map((_: unknown, i: number) => i + 1));
      const macs = exits.map((each: { macs: number }) => each.macs);
      expect(macs).toEqual([...new Set(macs)].sort((a, b) => Number(a) - Number(b)));
      for (const { batch } of exits) expect(batch).toBeGreaterThanOrEqual(1);
    }
    expect(cifar10.full_macs).toBe(cifar10.rungs.at(-1).exits.at(-1).macs);
  });

  it('shows one by its name, with its labels in the order of the logits', async () => {
    const { body: all } = await get('/v1/cascades');
    for (const listed of all.cascades) {
      const { status, body } = await get(`/v1/cascades/${listed.name}`);
      expect(status).toBe(200);
      const { labels, ...rest } = body;
      expect(rest).toEqual(listed);
      expect(labels.length).toBe(listed.classes);
    }
  });
});

describe('/v1/policies', () => {
  it('lists them, the default marked', async () => {
    const { status, body } = await get('/v1/policies');
    expect(status).toBe(200);
    const isDefault = body.policies.filter((policy: { default: boolean }) => policy.default);
    expect(isDefault.map(({ name }: { name: string }) => name)).toEqual(['balanced']);
    expect(body.policies).toContainEqual(expect.objectContaining({ name: 'full', kind: 'full' }));
    for (const policy of body.policies) expect(policy.cascades).toContain('cifar10');
  });

  it('shows one by its name, as its file has it', async () => {
    const { body } = await get('/v1/policies/balanced');
    expect(body).toMatchObject({ name: 'balanced', kind: 'threshold', default: true });
    const file = parse(await readFile(`${POLICIES}/balanced.yaml`, 'utf8'));
    expect(body.description).toBe(file.description);
    expect(body.cascades.cifar10).toEqual(file.cascades.cifar10);
  });
});

describe('/livez and /readyz', () => {
  it('say live but not ready before any lane is warm; pictures are asked to come back later', async () => {
    const { gateway } = served;
    const cold = new Gateway({
      cascades: gateway.cascades,
      policies: gateway.policies,
      lanes: 2,
      threads: 1,
      maxPixels: 1e6,
      queue: 10,
      queueBytes: 1_000_000_000,
      defaultPolicy: 'balanced',
    });
    const app = createApp({ ...served.deps, gateway: cold });
    expect((await request(app).get('/livez')).status).toBe(200);
    const { status, body } = await request(app).get('/readyz');
    expect({ status, lanes: body.lanes }).toEqual({ status: 503, lanes: { ready: 0, starting: 2 } });
    for (const query of [{}, { cascade: 'cifar10', policy: 'full' }]) {
      const response = await post(app, await jpeg(), query);
      expect(response.status, JSON.stringify(response.body)).toBe(503);
      expect(response.headers['retry-after']).toMatch(/^[1-9]\d*$/);
    }
    expectProblem(await request(app).get('/v1/cascades/cifar10'), 503, 'starting');
    const sha256 = createHash('sha256').update('sluice_some-key-or-other').digest('hex');
    const keys = [{ name: 'app', sha256, priority: 'interactive' as const, cascades: ['cifar10'] }];
    const locked = createApp({
      ...served.deps,
      gateway: cold,
      auth: new Auth({ keyHashes: [], ratePerSecond: 0, keys }),
    });
    expectProblem(await post(locked, await jpeg()).set('X-API-Key', 'sluice_some-key-or-other'), 503, 'starting');
    await cold.close();
  });

  it('say ready when every lane is warm', async () => {
    expect((await get('/livez')).status).toBe(200);
    const { status, body } = await get('/readyz');
    expect({ status, body }).toEqual({ status: 200, body: { status: 'ready', lanes: { ready: 2, starting: 0 } } });
  });
});

/** Values by series, as `name{label="value"}`. */
async function metrics(): Promise<Map<string, number>> {
  const { status, text, headers } = await get('/metrics');
  expect(status).toBe(200);
  expect(headers['content-type']).toMatch(/^text\/plain\b/);
  const lines = text.split('\n').filter((line) => line.startsWith('sluice_'));
  return new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]),
  );
}

describe('/metrics', () => {
  /** How far each series moved while `work` ran, those that moved. */
  async function moved(work: () => Promise<void>): Promise<Map<string, number>> {
    const before = await metrics();
    await work();
    const after = await metrics();
    return new Map(
      [...after]
        .map(([series, value]) => [series, value - (before.get(series) ?? 0)] as const)
        .filter(([, by]) => by !== 0),
    );
  }
  const count = (keys: readonly string[]) =>
    Object.fromEntries(keys.map((key) => [key, keys.filter((each) => each === key).length]));
  const named = (series: Map<string, number>, name: string) =>
    Object.fromEntries([...series].filter(([key]) => key.startsWith(`${name}{`)));
  const sum = (numbers: readonly number[]) => numbers.reduce((total, each) => total + each, 0);

  it('have the names and types of the contract', async () => {
    const { text } = await get('/metrics');
    for (const type of [
      'sluice_requests_total counter',
      'sluice_request_duration_seconds histogram',
      'sluice_stage_duration_seconds histogram',
      'sluice_exits_total counter',
      'sluice_macs_total counter',
      'sluice_full_macs_total counter',
      'sluice_lane_busy_seconds_total counter',
      'sluice_queue_depth gauge',
      'sluice_queue_limit gauge',
      'sluice_policy_reloads_total counter',
      'sluice_audit_total counter',
      'sluice_operating_point gauge',
      'sluice_decode_seconds_total counter',
      'sluice_inference_seconds_total counter',
      'sluice_energy_joules_total counter',
      'sluice_lane_decode_seconds_total counter',
      'sluice_lane_cpu_seconds_total counter',
      'sluice_lane_resident_bytes gauge',
      'nodejs_eventloop_lag_p99_seconds gauge',
      'process_cpu_seconds_total counter',
      'sluice_lanes gauge',
      'sluice_batch_size histogram',
    ]) {
      expect(text).toContain(`# TYPE ${type}\n`);
    }
  });

  it('move by exactly what the answers said', async () => {
    const answers: Answer[] = [];
    const series = await moved(async () => {
      const asked = Array.from({ length: 40 }, async (_, i) =>
        ask(served.app, await jpeg(20 + i, 60 - i, 9 * i), { policy: i % 4 ? 'balanced' : 'full', explain: true }),
      );
      answers.push(...(await Promise.all(asked)));
    });
    const labels = ({ cascade, policy }: Answer) => `cascade="${cascade}",policy="${policy}"`;
    expect(named(series, 'sluice_requests_total')).toEqual(
      count(answers.map((answer) => `sluice_requests_total{${labels(answer)},code="200"}`)),
    );
    expect(named(series, 'sluice_request_duration_seconds_count')).toEqual(
      count(answers.map((answer) => `sluice_request_duration_seconds_count{${labels(answer)}}`)),
    );
    expect(named(series, 'sluice_exits_total')).toEqual(
      count(
        answers.map((answer) => {
          const { backbone, width, resolution, exit, reason } = answer.route;
          const place = `backbone="${backbone}",width="${width}",resolution="${resolution}"`;
          return `sluice_exits_total{${labels(answer)},${place},exit="${exit}",reason="${reason}"}`;
        }),
      ),
    );
    for (const policy of ['balanced', 'full']) {
      const costs = answers.filter((answer) => answer.policy === policy).map(({ cost }) => cost);
      const key = `{cascade="cifar10",policy="${policy}"}`;
      expect(series.get(`sluice_macs_total${key}`)).toBe(sum(costs.map(({ macs }) => macs)));
      expect(series.get(`sluice_full_macs_total${key}`)).toBe(sum(costs.map(({ full_macs }) => full_macs)));
      for (const what of ['decode', 'inference'] as const) {
        const seconds = sum(costs.map((cost) => cost[`${what}_ms`])) / 1000;
        expect(series.get(`sluice_${what}_seconds_total${key}`)).toBeCloseTo(seconds, 3);
      }
    }
    const phases = { queue: 'queue_ms', decode: 'decode_ms', inference: 'inference_ms' } as const;
    for (const [phase, key] of Object.entries(phases)) {
      expect(series.get(`sluice_stage_duration_seconds_count{phase="${phase}"}`)).toBe(answers.length);
      const seconds = sum(answers.map(({ cost }) => cost[key])) / 1000;
      expect(series.get(`sluice_stage_duration_seconds_sum{phase="${phase}"}`)).toBeCloseTo(seconds, 3);
    }
    // Each picture's shares of the batches that it was part of add up to what the lanes ran.
    const busy = sum(Object.values(named(series, 'sluice_lane_busy_seconds_total')));
    expect(busy).toBeCloseTo(sum(answers.map(({ cost }) => cost.inference_ms)) / 1000, 3);
    expect(series.get('sluice_batch_size_sum')).toBe(sum(answers.map(({ route }) => route.steps!.length)));
  });

  it('count refusals by their status', async () => {
    const image = await jpeg();
    const series = await moved(async () => {
      await post(served.app, Buffer.from('words'), { policy: 'full' });
      await post(served.app, Buffer.from('words'), { policy: 'full' });
      await post(served.app, image.subarray(0, 300));
      await post(served.app, image, { top: 0 });
      await post(served.app, image, { cascade: 'dogs' });
    });
    expect(named(series, 'sluice_requests_total')).toEqual({
      'sluice_requests_total{cascade="cifar10",policy="full",code="415"}': 2,
      'sluice_requests_total{cascade="cifar10",policy="balanced",code="422"}': 1,
      'sluice_requests_total{cascade="cifar10",policy="balanced",code="400"}': 1,
      'sluice_requests_total{cascade="",policy="",code="404"}': 1,
    });
    const others = [...series.keys()].filter((key) => !key.startsWith('sluice_requests_total'));
    // What the machine does meanwhile, and the decode of the damaged picture.
    expect(
      others.filter((key) => !/^sluice_(lane_(cpu|decode)_seconds|lane_resident_bytes|saturation|energy)/.test(key)),
    ).toEqual([]);
  });

  it('get no series from names that callers make up', async () => {
    const image = await jpeg();
    await post(served.app, image, { cascade: 'dogs' });
    await post(served.app, image, { cascade: ['cifar10', 'dogs'] });
    const before = [...(await metrics()).keys()].sort();
    for (let i = 0; i < 20; i++) {
      await post(served.app, image, { cascade: `dogs-${i}` });
      await post(served.app, image, { policy: `wild-${i}` });
      await post(served.app, image, { cascade: `dogs-${i}`, policy: 'full' });
      await post(served.app, image, { cascade: ['cifar10', `dogs-${i}`] });
    }
    for (const name of ['__proto__', 'constructor', '', '"} 1\n', 'a'.repeat(4000)]) {
      await post(served.app, image, { cascade: name });
      await post(served.app, image, { policy: name });
      await request(served.app).get(`/v1/policies/${encodeURIComponent(name)}`);
    }
    expect([...(await metrics()).keys()].sort()).toEqual(before);
  });

  it('show the lanes and the queue', async () => {
    const series = await metrics();
    expect(series.get('sluice_lanes{state="ready"}')).toBe(2);
    expect(series.get('sluice_lanes{state="starting"}')).toBe(0);
    expect(series.get('sluice_queue_depth')).toBe(0);
    expect(series.get('sluice_queue_limit')).toBe(1000);
    await until('each lane has told what it takes of the machine', async () => {
      const told = await metrics();
      return [0, 1].every(
        (lane) =>
          told.get(`sluice_lane_resident_bytes{lane="${lane}"}`)! > 1e6 &&
          told.get(`sluice_lane_cpu_seconds_total{lane="${lane}"}`)! > 0 &&
          told.get(`sluice_lane_deaths_total{lane="${lane}"}`) === 0,
      );
    });
  });
});

describe('a gateway on its way out', () => {
  it('is not ready but alive, and still answers', async () => {
    served.gateway.drain();
    expect((await get('/readyz')).status).toBe(503);
    expect((await get('/livez')).status).toBe(200);
    await ask(served.app, await jpeg());
  });
});
