import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { LENGTH_HEADER } from '../../src/http/v2/binary.js';
import { InferResponse } from '../../src/http/v2/schema.js';
import { ONE_WAY, policyOfCifar10 } from '../support/cifar10.js';
import { Answer } from '../support/contract.js';
import { POLICIES, ROOT } from '../support/gateway.js';
import { bodyOf, bytesInput } from '../support/open-inference.js';
import { OtlpSink, type SinkSpan } from '../support/otlp-sink.js';
import { jpeg, slowJpeg } from '../support/pictures.js';
import { ServeProcess, until } from '../support/process.js';

/** Never leaves the small rung before its end, and leaves the large one at once. */
const CLIMBS = `kind: threshold
cascades:
  cifar10:
    route:
      - { rung: slimnet/0.5@24, thresholds: [1, 1] }
      - { rung: slimnet/1@32, thresholds: [0, null] }
`;
/** Every picture runs the same stages. */
const ONE_WAY_FILE = stringify(policyOfCifar10('one-way', ONE_WAY).policy);
const PARENT = '00f067aa0ba902b7';

let traces = 0;
/** A caller in the middle of a trace that nobody sent before. */
function caller(flags = '01') {
  const traceId = `4bf92f3577b34da6a3ce929d${(++traces).toString(16).padStart(8, '0')}`;
  return { traceId, headers: { traceparent: `00-${traceId}-${PARENT}-${flags}` } };
}

const exporting = (sink: OtlpSink, more: Readonly<Record<string, string>> = {}) => ({
  OTEL_EXPORTER_OTLP_ENDPOINT: sink.url,
  OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
  OTEL_BSP_SCHEDULE_DELAY: '20',
  ...more,
});

function classify(url: string, query: string, image: Uint8Array, headers: Record<string, string> = {}) {
  return fetch(`${url}/v1/classify${query}`, { method: 'POST', body: new Uint8Array(image), headers });
}

const named = (spans: readonly SinkSpan[], name: string) => spans.filter((span) => span.name === name);
const below = (spans: readonly SinkSpan[], above: SinkSpan) =>
  spans.filter(({ parentSpanId }) => parentSpanId === above.spanId);

describe('traces', () => {
  let folder: string;
  let sink: OtlpSink;
  let gateway: ServeProcess;
  let url: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-policies-'));
    await cp(POLICIES, folder, { recursive: true });
    await writeFile(join(folder, 'climbs.yaml'), CLIMBS);
    await writeFile(join(folder, 'one-way.yaml'), ONE_WAY_FILE);
    sink = await OtlpSink.start();
    const resource = { OTEL_SERVICE_NAME: 'pictures', OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test' };
    const flags = ['--lanes', '1', '--log-level', 'debug', '--policies', folder, '--cascade', 'cifar10'];
    gateway = new ServeProcess(flags, exporting(sink, resource));
    url = await gateway.url();
    await gateway.said('ready');
  });
  afterAll(async () => {
    await gateway[Symbol.asyncDispose]();
    await sink[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  });

  /** The spans of a trace: that of its request is the last that ends. */
  async function traceOf(traceId: string): Promise<{ spans: readonly SinkSpan[]; request: SinkSpan }> {
    await until('the trace came', () => sink.trace(traceId).some(({ kind }) => kind === 2));
    const spans = sink.trace(traceId);
    return { spans, request: spans.find(({ kind }) => kind === 2)! };
  }

  describe('of a picture that climbs', () => {
    let image: Buffer;
    let answer: Answer;
    let response: Response;
    let spans: readonly SinkSpan[];
    let request: SinkSpan;
    let lane: SinkSpan;
    const sent = caller();
    beforeAll(async () => {
      image = await readFile(`${ROOT}test/pictures/cat.jpg`);
      response = await classify(url, '?policy=climbs&explain=true', image, sent.headers);
      answer = Answer.parse(await response.json());
      ({ spans, request } = await traceOf(sent.traceId));
      lane = named(spans, 'lane')[0]!;
    });

    it("goes on with the caller's trace, and says so in the answer", () => {
      expect(request.parentSpanId).toBe(PARENT);
      expect(response.headers.get('traceparent')).toBe(`00-${sent.traceId}-${request.spanId}-01`);
    });

    it('has a span for each thing that happened, in that order, each within the one above it', () => {
      expect(below(spans, request).map(({ name }) => name)).toEqual(['admission', 'receive', 'queue', 'lane']);
      const names = below(spans, lane).map(({ name }) => name);
      expect(names.filter((name) => name !== 'decode')).toEqual([
        'stage slimnet/0.5@24 exit 1',
        'stage slimnet/0.5@24 exit 2',
        'stage slimnet/1@32 exit 1',
      ]);
      expect(names[0]).toBe('decode');
      expect(spans.length).toBe(1 + 4 + names.length);
      for (const above of [request, lane]) {
        let at = above.from;
        for (const span of below(spans, above)) {
          expect(span.from, span.name).toBeGreaterThanOrEqual(at);
          expect(span.to, span.name).toBeGreaterThanOrEqual(span.from);
          at = span.to;
        }
        expect(at).toBeLessThanOrEqual(above.to);
      }
    });

    it('says in stage spans what each exit said, as the answer explains it', () => {
      const stages = spans.filter(({ name }) => name.startsWith('stage'));
      const said = stages.map(({ attributes }) => ({
        rung: attributes['sluice.rung'],
        exit: attributes['sluice.exit'],
        score: Number(Number(attributes['sluice.score']).toFixed(6)),
        threshold: attributes['sluice.threshold'] ?? null,
        exited: attributes['sluice.exited'],
      }));
      expect(said).toEqual(
        answer.route.steps!.map(({ backbone, width, resolution, ...step }) => ({
          rung: `${backbone}/${width}@${resolution}`,
          ...step,
        })),
      );
      const macs = stages.reduce((sum, { attributes }) => sum + Number(attributes['sluice.macs']), 0);
      expect(macs).toBe(answer.cost.macs);
    });

    it('describes the request by the conventions for HTTP, and its answer', () => {
      const { hostname, port } = new URL(url);
      expect(request.name).toBe('POST /v1/classify');
      expect(request.attributes).toEqual({
        'http.request.method': 'POST',
        'http.route': '/v1/classify',
        'http.response.status_code': 200,
        'url.scheme': 'http',
        'url.path': '/v1/classify',
        'url.query': 'policy=climbs&explain=true',
        'server.address': hostname,
        'server.port': Number(port),
        'client.address': '127.0.0.1',
        'network.protocol.version': '1.1',
        'user_agent.original': expect.any(String),
        'sluice.request.id': answer.id,
        'sluice.cascade': 'cifar10',
        'sluice.policy': 'climbs',
        'sluice.policy.version': answer.route.policy_version,
        'sluice.image.bytes': image.length,
        'sluice.rung': 'slimnet/1@32',
        'sluice.exit': 1,
        'sluice.score': expect.closeTo(answer.route.score, 5),
        'sluice.reason': 'confident',
        'sluice.macs': answer.cost.macs,
        'sluice.full_macs': answer.cost.full_macs,
      });
      expect(request.status).toBe(0);
      expect(request.resource).toMatchObject({
        'service.name': 'pictures',
        'deployment.environment.name': 'test',
        'service.version': expect.stringMatching(/^\d+\.\d+\.\d+/),
      });
    });

    it('marks where the picture left', () => {
      const [exit] = lane.events;
      expect(lane.events.length).toBe(1);
      expect(exit).toMatchObject({ name: 'exit', attributes: { 'sluice.rung': 'slimnet/1@32', 'sluice.exit': 1 } });
      const last = spans.findLast(({ name }) => name.startsWith('stage'))!;
      expect(exit!.at).toBeGreaterThanOrEqual(last.to);
      expect(exit!.at).toBeLessThanOrEqual(lane.to);
    });

    it('has its names in the log', () => {
      const line = gateway.log.find(({ msg, id }) => msg === 'answered' && id === answer.id);
      expect(line).toMatchObject({ trace_id: sent.traceId, span_id: request.spanId, trace_flags: '01' });
    });

    it('has nothing in it that docs/traces.md does not explain', async () => {
      const page = await readFile(`${ROOT}docs/traces.md`, 'utf8');
      const keys = spans.flatMap(({ attributes, events }) => [attributes, ...events.map((each) => each.attributes)]);
      for (const key of new Set(keys.flatMap((each) => Object.keys(each)))) expect(page).toContain(`\`${key}\``);
    });
  });

  it('of a batch have a span for each of its pictures, with its own way below it', async () => {
    const pictures = [await jpeg(32, 32, 10), await jpeg(40, 32, 200)];
    const { traceId, headers } = caller();
    const { body, length } = bodyOf(bytesInput(pictures), { parameters: { policy: 'climbs' } });
    const response = await fetch(`${url}/v2/models/cifar10/infer`, {
      method: 'POST',
      body: new Uint8Array(body),
      headers: { ...headers, [LENGTH_HEADER]: String(length) },
    });
    const { parameters } = InferResponse.parse(await response.json());
    const { spans, request } = await traceOf(traceId);
    expect(request.attributes).toMatchObject({
      'http.route': '/v2/models/:name/infer',
      'url.path': '/v2/models/cifar10/infer',
      'sluice.policy': 'climbs',
      'sluice.pictures': 2,
      'sluice.image.bytes': pictures[0]!.length + pictures[1]!.length,
    });
    expect(below(spans, request).map(({ name }) => name)).toEqual(['admission', 'receive', 'picture', 'picture']);
    const each = named(spans, 'picture');
    expect(each.map(({ attributes }) => attributes['sluice.picture'])).toEqual([0, 1]);
    expect(each.map(({ attributes }) => attributes['sluice.macs']).join()).toBe(parameters.macs);
    for (const picture of each) {
      const [queue, lane, ...more] = below(spans, picture);
      expect([queue!.name, lane!.name, more]).toEqual(['queue', 'lane', []]);
      expect(below(spans, lane!).filter(({ name }) => name.startsWith('stage')).length).toBe(3);
    }
    const page = await readFile(`${ROOT}docs/traces.md`, 'utf8');
    for (const key of spans.flatMap(({ attributes }) => Object.keys(attributes))) expect(page).toContain(`\`${key}\``);
  });

  it('link each run of a stage to the requests in it, and their stage spans to the run', async () => {
    const picture = await jpeg(32, 32);
    const callers = Array.from({ length: 24 }, () => caller());
    await Promise.all(callers.map(({ headers }) => classify(url, '?policy=one-way', picture, headers)));
    const all = await Promise.all(callers.map(({ traceId }) => traceOf(traceId)));
    const runs = new Map(sink.spans.filter(({ name }) => name.startsWith('batch')).map((run) => [run.spanId, run]));
    const riders = new Map<string, string[]>();
    for (const { spans, request } of all) {
      for (const stage of spans.filter(({ name }) => name.startsWith('stage'))) {
        const run = runs.get(stage.links[0]!.spanId)!;
        expect(stage.links).toEqual([{ traceId: run.traceId, spanId: run.spanId }]);
        expect(run.name).toBe(`batch ${stage.name}`);
        expect(run.attributes['sluice.batch.size']).toBe(stage.attributes['sluice.batch.size']);
        riders.set(run.spanId, [...(riders.get(run.spanId) ?? []), request.spanId]);
      }
    }
    for (const [run, requests] of riders) {
      expect(
        runs
          .get(run)!
          .links.map(({ spanId }) => spanId)
          .sort(),
      ).toEqual(requests.sort());
      expect(runs.get(run)!.attributes['sluice.batch.size']).toBe(requests.length);
    }
    expect(Math.max(...[...riders.values()].map(({ length }) => length))).toBeGreaterThan(1);
  });

  it('are not made where the caller says no, but its log lines carry the trace', async () => {
    const quiet = caller('00');
    const response = await classify(url, '', await jpeg(), quiet.headers);
    const { id } = (await response.json()) as Answer;
    expect(response.headers.get('traceparent')).toMatch(new RegExp(`^00-${quiet.traceId}-[0-9a-f]{16}-00$`));
    // What is asked later is sent later.
    const loud = caller();
    await classify(url, '', await jpeg(), loud.headers);
    await traceOf(loud.traceId);
    expect(sink.trace(quiet.traceId)).toEqual([]);
    expect(sink.spans.flatMap(({ links }) => links).map(({ traceId }) => traceId)).not.toContain(quiet.traceId);
    const line = gateway.log.find(({ msg, id: of }) => msg === 'answered' && of === id);
    expect(line).toMatchObject({ trace_id: quiet.traceId, trace_flags: '00' });
  });

  it('begin with a request that brings none, or one that is not understood', async () => {
    for (const headers of [{}, { traceparent: 'nonsense' }]) {
      const response = await classify(url, '', await jpeg(), headers);
      const [, traceId, spanId] = response.headers.get('traceparent')!.split('-');
      const { request } = await traceOf(traceId!);
      expect([request.spanId, request.parentSpanId]).toEqual([spanId, undefined]);
    }
  });

  it.each([
    ['unsupported_format', '', Buffer.from('no picture'), 415, ['admission', 'receive']],
    ['unknown_policy', '?policy=none', Buffer.from('anything'), 404, ['admission']],
    ['damaged_image', '', Buffer.from([0xff, 0xd8, 0xff, 0, 1]), 422, ['admission', 'receive', 'queue', 'lane']],
  ])(
    "of a request refused as %s show how far it came; the fault is not the server's",
    async (code, query, body, status, names) => {
      const { traceId, headers } = caller();
      expect((await classify(url, query, body, headers)).status).toBe(status);
      const { spans, request } = await traceOf(traceId);
      expect(below(spans, request).map(({ name }) => name)).toEqual(names);
      expect(request.attributes).toMatchObject({ 'http.response.status_code': status, 'sluice.problem': code });
      expect(request.attributes['error.type']).toBeUndefined();
      expect(request.status).toBe(0);
      for (const lane of named(spans, 'lane')) expect(below(spans, lane).map(({ name }) => name)).toEqual(['decode']);
    },
  );

  it('of a request that the gateway answers too late are errors', async () => {
    const { traceId, headers } = caller();
    expect((await classify(url, '?deadline_ms=1', await jpeg(2000, 1500), headers)).status).toBe(504);
    const { request } = await traceOf(traceId);
    expect(request.attributes).toMatchObject({ 'http.response.status_code': 504, 'error.type': 'deadline_exceeded' });
    expect(request.status).toBe(2);
  });

  it('of a caller that leaves have no status', async () => {
    const { traceId, headers } = caller();
    const body = new Uint8Array(await slowJpeg());
    const leave = new AbortController();
    const gone = fetch(`${url}/v1/classify`, { method: 'POST', body, headers, signal: leave.signal }).catch(
      () => 'left',
    );
    await inLane();
    leave.abort();
    expect(await gone).toBe('left');
    const { request, spans } = await traceOf(traceId);
    expect(request.attributes).toMatchObject({ 'error.type': 'client_gone', 'sluice.problem': 'client_gone' });
    expect(request.attributes['http.response.status_code']).toBeUndefined();
    expect(named(spans, 'lane')[0]!.attributes['sluice.outcome']).toBe('given up');
  });

  it('of a request whose lane died show both lanes in one trace', async () => {
    await until('the lane is empty', async () => (await laneRequests()) === 0);
    const { traceId, headers } = caller();
    const answer = classify(url, '?policy=climbs', await slowJpeg(), headers);
    await inLane();
    process.kill(gateway.lanePids.at(-1)!, 'SIGKILL');
    expect((await answer).status).toBe(200);
    const { spans, request } = await traceOf(traceId);
    const names = ['admission', 'receive', 'queue', 'lane', 'queue', 'lane'];
    expect(below(spans, request).map(({ name }) => name)).toEqual(names);
    const [first, second] = named(spans, 'lane');
    expect(first!.attributes).toMatchObject({
      'sluice.attempt': 1,
      'sluice.outcome': 'died',
      'error.type': 'lane_died',
    });
    expect([first!.status, second!.status, request.status]).toEqual([2, 0, 0]);
    expect(second!.attributes).toMatchObject({ 'sluice.attempt': 2, 'sluice.outcome': 'answered' });
    expect(below(spans, first!)).toEqual([]);
    expect(below(spans, second!).at(-1)!.name).toBe('stage slimnet/1@32 exit 1');
  });

  async function laneRequests(): Promise<number> {
    const metrics = await (await fetch(`${url}/metrics`)).text();
    return Number(/^sluice_lane_requests\{lane="0"\} (\d+)$/m.exec(metrics)?.[1]);
  }

  async function inLane(): Promise<void> {
    await until('the picture is in the lane', async () => (await laneRequests()) === 1);
  }
});

describe('the exporter of traces', () => {
  it('sends Protobuf by default, and on SIGTERM what it has not sent yet', async () => {
    await using sink = await OtlpSink.start();
    const env = { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${sink.url}/mine`, OTEL_BSP_SCHEDULE_DELAY: '600000' };
    await using gateway = new ServeProcess(['--lanes', '1'], env);
    const url = await gateway.url();
    await gateway.said('ready');
    const { traceId, headers } = caller();
    expect((await classify(url, '', await jpeg(), headers)).status).toBe(200);
    expect(sink.deliveries).toEqual([]);
    gateway.signal('SIGTERM');
    expect(await gateway.exited).toBe(0);
    expect(sink.deliveries.map(({ path, type }) => `${path} ${type}`)).toEqual(['/mine application/x-protobuf']);
    const { body } = sink.deliveries[0]!;
    expect(body.includes(Buffer.from(traceId, 'hex'))).toBe(true);
    expect(body.includes('POST /v1/classify')).toBe(true);
  });

  it('does not keep the gateway when the collector hangs', async () => {
    await using sink = await OtlpSink.start(false);
    await using gateway = new ServeProcess(['--lanes', '1'], exporting(sink, { OTEL_EXPORTER_OTLP_TIMEOUT: '600000' }));
    const url = await gateway.url();
    await gateway.said('ready');
    await classify(url, '', await jpeg());
    await until('the collector has them', () => sink.deliveries.length > 0);
    gateway.signal('SIGTERM');
    expect(await gateway.exited).toBe(0);
  });

  it('samples as OTEL_TRACES_SAMPLER says, and says which variables it does not understand', async () => {
    await using sink = await OtlpSink.start();
    const env = { OTEL_TRACES_SAMPLER: 'always_off', OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: 'grpc' };
    await using gateway = new ServeProcess(['--lanes', '1'], exporting(sink, env));
    const url = await gateway.url();
    await gateway.said('ready');
    const response = await classify(url, '', await jpeg(), caller().headers);
    expect(response.headers.get('traceparent')).toMatch(/-00$/);
    gateway.signal('SIGTERM');
    expect(await gateway.exited).toBe(0);
    expect(sink.deliveries).toEqual([]);
    const ignored = await gateway.said('variable is ignored');
    expect(ignored).toMatchObject({ variable: 'OTEL_EXPORTER_OTLP_TRACES_PROTOCOL' });
    expect(ignored.reason).toMatch(/found "grpc".*http\/protobuf/);
  });
});

describe("OpenTelemetry's packages", () => {
  const watched = { NODE_OPTIONS: `--import ${ROOT}test/support/loads.mjs` };

  /** What a gateway has loaded after an answer, and whether the answer names a trace. */
  async function loadedBy(env: Readonly<Record<string, string>>) {
    await using gateway = new ServeProcess(['--lanes', '1', '--log-level', 'debug'], { ...watched, ...env });
    const url = await gateway.url();
    await gateway.said('ready');
    const sent = caller();
    const response = await classify(url, '', await jpeg(), sent.headers);
    expect(response.status).toBe(200);
    const traced = (await gateway.said('answered')).trace_id === sent.traceId;
    gateway.signal('SIGTERM');
    expect(await gateway.exited).toBe(0);
    const mains = (message: string) => gateway.log.filter(({ msg }) => msg === message).map(({ main }) => String(main));
    const isLane = (main: string) => main.endsWith('lane/main.js');
    expect(mains('watches what is loaded').map(isLane).sort()).toEqual([false, true]);
    const loads = mains('loads');
    return { gateway: loads.some((main) => !isLane(main)), lane: loads.some(isLane), response, traced };
  }

  it("are not loaded when the variables are not set; log lines carry the caller's trace all the same", async () => {
    const { gateway, lane, response, traced } = await loadedBy({});
    expect({ gateway, lane, traced }).toEqual({ gateway: false, lane: false, traced: true });
    expect(response.headers.get('traceparent')).toBeNull();
  });

  it('are loaded by the gateway alone when they are', async () => {
    const { gateway, lane } = await loadedBy({ OTEL_TRACES_EXPORTER: 'console' });
    expect({ gateway, lane }).toEqual({ gateway: true, lane: false });
  });
});
