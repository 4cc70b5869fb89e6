import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { hostEpochMs, hostMs } from '../../src/clock.js';
import { RequestError } from '../../src/errors.js';
import { Dispatcher, type LaneHandle } from '../../src/gateway/dispatcher.js';
import type { ClassifyResult } from '../../src/gateway/gateway.js';
import { Journey } from '../../src/gateway/journey.js';
import type { BatchRun, Job, JobAnswer, Timings } from '../../src/lane/messages.js';
import { Notes, tracedRun } from '../../src/lane/notes.js';
import { batchSpan, type SpanPlan, spansOf } from '../../src/telemetry/spans.js';
import { ROOT } from '../support/gateway.js';

const CONTEXT = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16) };
const RUN = { traceId: 'c'.repeat(32), spanId: 'd'.repeat(16) };
const stage = { waitedMs: 0.5, batch: RUN, batchSize: 3, rung: 'net/1@32', macs: 100, score: 0.5, exited: false };
const timings: Timings = {
  decodes: [
    { fromMs: 41, toMs: 44, waitedMs: 0.12345, resolution: 24 },
    { fromMs: 47, toMs: 48, waitedMs: 0, resolution: 32 },
  ],
  stages: [
    { ...stage, fromMs: 45, toMs: 46, exit: 1, threshold: 0.9 },
    { ...stage, fromMs: 49, toMs: 50, exit: 2, threshold: null, exited: true },
  ],
  decidedMs: 51,
};
const start = { startedMs: 10, admittedMs: undefined, receivedMs: undefined, attempts: [], waitingFromMs: undefined };
const brief = (spans: readonly SpanPlan[] = []) => spans.map(({ name, fromMs, toMs }) => `${name} ${fromMs}-${toMs}`);

describe('the spans of a request', () => {
  it('end where it ended, however far it came', () => {
    const admitted = { ...start, admittedMs: 20 };
    const received = { ...admitted, receivedMs: 30 };
    expect(brief(spansOf(start, 99))).toEqual(['admission 10-99']);
    expect(brief(spansOf(admitted, 99))).toEqual(['admission 10-20', 'receive 20-99']);
    expect(brief(spansOf(received, 99))).toEqual(['admission 10-20', 'receive 20-30']);
    expect(brief(spansOf({ ...received, waitingFromMs: 31 }, 99)).at(-1)).toBe('queue 31-99');
    const aboard = { ...received, attempts: [{ lane: 0, waitedFromMs: 31, fromMs: 40 }] };
    expect(brief(spansOf(aboard, 99)).slice(2)).toEqual(['queue 31-40', 'lane 40-99']);
  });

  it('have what the lane did below it, in the order of time', () => {
    const attempts = [{ lane: 1, waitedFromMs: 31, fromMs: 40, toMs: 60, outcome: 'answered' as const, timings }];
    const lane = spansOf({ ...start, attempts }, 99).at(-1)!;
    expect(brief(lane.children)).toEqual([
      'decode 41-44',
      'stage net/1@32 exit 1 45-46',
      'decode 47-48',
      'stage net/1@32 exit 2 49-50',
    ]);
    const [decode, first, , last] = lane.children!;
    expect(decode!.attributes).toEqual({ 'sluice.resolution': 24, 'sluice.wait_ms': 0.123 });
    expect(first!.attributes).toMatchObject({
      'sluice.threshold': 0.9,
      'sluice.exited': false,
      'sluice.batch.size': 3,
    });
    expect(first!.links).toEqual([RUN]);
    expect(last!.attributes['sluice.exited']).toBe(true);
    expect('sluice.threshold' in last!.attributes).toBe(false);
  });

  it('mark the exit only where there is an answer', () => {
    const attempts = [{ lane: 1, waitedFromMs: 31, fromMs: 40, toMs: 60, outcome: 'answered' as const, timings }];
    const result = {
      cascade: { rungs: [{ id: 'net/1@32' }] },
      answer: { rung: 0, exit: 2, score: 0.7, reason: 'final' },
    } as unknown as ClassifyResult;
    expect(spansOf({ ...start, attempts }, 99).at(-1)!.events).toBeUndefined();
    expect(spansOf({ ...start, attempts }, 99, result).at(-1)!.events).toEqual([
      {
        name: 'exit',
        atMs: 51,
        attributes: { 'sluice.rung': 'net/1@32', 'sluice.exit': 2, 'sluice.score': 0.7, 'sluice.reason': 'final' },
      },
    ]);
  });

  it('of a run link to its requests', () => {
    const run: BatchRun = {
      ...RUN,
      cascade: 'c',
      rung: 'net/1@32',
      exit: 2,
      size: 5,
      requests: [CONTEXT],
      fromMs: 1,
      toMs: 2,
    };
    expect(batchSpan(run, 3)).toMatchObject({
      name: 'batch stage net/1@32 exit 2',
      links: [CONTEXT],
      fromMs: 1,
      toMs: 2,
    });
    expect(batchSpan(run, 3).attributes).toMatchObject({ 'sluice.lane': 3, 'sluice.batch.size': 5 });
  });
});

class ScriptedLane implements LaneHandle {
  readonly jobs: Job[] = [];
  constructor(readonly number: number) {}
  run(jobs: readonly Job[]) {
    this.jobs.push(...jobs);
  }
  cancel() {}
}

describe('what is noted of a sampled request', () => {
  const answerTo = ({ id }: Job) => ({ id, ok: true, timings, inferenceMs: 1, decodeMs: 1 }) as unknown as JobAnswer;
  const request = {
    image: Buffer.from('picture'),
    plan: 0,
    top: 1,
    deadlineAt: Number.POSITIVE_INFINITY,
    explain: false,
  };
  const dispatcher = () =>
    new Dispatcher({ queue: 10, bytes: 1000, window: 4, windowBytes: 100 }, { poison: () => {} });

  it('is each lane that had it; only lanes of sampled requests are told of a trace', async () => {
    const lanes = [new ScriptedLane(0), new ScriptedLane(1)] as const;
    const waits = dispatcher();
    const journey = new Journey(CONTEXT, 0);
    const answered = waits.dispatch({ ...request, journey });
    waits.attach(lanes[0]);
    expect(lanes[0].jobs[0]!.trace).toEqual(CONTEXT);
    waits.detach(lanes[0]);
    waits.attach(lanes[1]);
    waits.results(lanes[1], [answerTo(lanes[1].jobs[0]!)]);
    await answered;
    expect(journey.attempts.map(({ lane, outcome }) => [lane, outcome])).toEqual([
      [0, 'died'],
      [1, 'answered'],
    ]);
    expect(journey.attempts[1]!.timings).toBe(timings);
    expect(journey.waitingFromMs).toBeUndefined();
    void waits.dispatch(request);
    expect('trace' in lanes[1].jobs[1]!).toBe(false);
  });

  it('is no further wait when its second lane died too', async () => {
    const both = dispatcher();
    const journey = new Journey(CONTEXT, 0);
    const refused = both.dispatch({ ...request, journey }).catch((error: RequestError) => error.code);
    for (const number of [0, 1]) {
      const lane = new ScriptedLane(number);
      both.attach(lane);
      both.detach(lane);
    }
    expect(await refused).toBe('poison_image');
    expect(spansOf(journey, hostMs()).map(({ name, failed }) => [name, failed])).toEqual([
      ['admission', undefined],
      ['queue', undefined],
      ['lane', true],
      ['queue', undefined],
      ['lane', true],
    ]);
  });

  it('is a run of a stage only where it was in it', () => {
    const where = { cascade: 'c', rung: 'net/1@32', exit: 1 };
    const sampled = { notes: new Notes(CONTEXT) };
    expect(tracedRun(where, [{ notes: undefined }], performance.now(), 1)).toBeUndefined();
    const run = tracedRun(where, [{ notes: undefined }, sampled], performance.now(), 1)!;
    expect(run).toMatchObject({ ...where, size: 2, requests: [CONTEXT] });
    expect([run.traceId, run.spanId].join()).toMatch(/^[0-9a-f]{32},[0-9a-f]{16}$/);
    sampled.notes.ran(run, 77);
    const noted = sampled.notes.timings([{ score: 0.4, threshold: 0.5, exited: true }]);
    const { traceId, spanId } = run;
    const batch = { traceId, spanId };
    expect(noted.stages).toMatchObject([{ batch, batchSize: 2, macs: 77, score: 0.4, threshold: 0.5, exited: true }]);
  });

  it('is a decode also where it fails', async () => {
    const notes = new Notes(CONTEXT);
    const damaged = new RequestError('damaged_image', 'no picture');
    await expect(notes.decode(24, () => Promise.reject(damaged))).rejects.toBe(damaged);
    expect(notes.timings([]).decodes).toMatchObject([{ resolution: 24 }]);
  });
});

describe("the host's clock", () => {
  it('is the same in every process', () => {
    const script = `import("${ROOT}dist/clock.js").then(({ hostMs }) => process.stdout.write(String(hostMs())))`;
    const before = hostMs();
    const there = Number(execFileSync(process.execPath, ['-e', script], { encoding: 'utf8' }));
    expect(there).toBeGreaterThan(before);
    expect(there).toBeLessThan(hostMs());
  });

  it('becomes the time of day', () => {
    const before = Date.now();
    const now = hostEpochMs() + hostMs();
    // The wall clock tells whole milliseconds, and is followed to within five.
    expect(now).toBeGreaterThan(before - 6);
    expect(now).toBeLessThan(Date.now() + 6);
  });
});
