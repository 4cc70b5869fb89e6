import { setTimeout as sleep } from 'node:timers/promises';
import { Tensor } from 'onnxruntime-node';
import { describe, expect, it, vi } from 'vitest';
import type { Cascade } from '../../src/cascade/cascade.js';
import type { DecodeCosts } from '../../src/lane/decode-side.js';
import { Engine } from '../../src/lane/engine.js';
import type { LoadedCascade } from '../../src/lane/loaded.js';
import type { Facts, Job, JobResult } from '../../src/lane/messages.js';
import { rooms } from '../../src/lane/plain-jpeg.js';
import type { Features } from '../../src/lane/session.js';
import { jpeg, slowJpeg } from '../support/pictures.js';
import { somePlan } from '../support/plan.js';

const CLASSES = 4;
const sides = [64, 160];

/** Is sure of everything at its last exit, and of nothing before. */
const session = (isLast: boolean) => ({
  run: async (feeds: Features) => {
    const count = feeds.get('image')!.dims[0]!;
    const logits = new Float32Array(count * CLASSES);
    for (let i = 0; i < count; i++) logits[i * CLASSES] = isLast ? 20 : 0;
    return { logits: new Tensor('float32', logits, [count, CLASSES]), features: new Map() };
  },
});
const stage = { inputs: ['image'], features: [], temperature: 1, file: 'stage.onnx', logits: 'logits' };
const loaded = {
  cascade: {
    name: 'c',
    labels: Array.from({ length: CLASSES }, () => ({})),
    input: { tensor: 'image', kernel: 'cubic', layout: 'nhwc-uint8', scale: 1 } satisfies Cascade['input'],
    rungs: sides.map((resolution) => ({ id: `r@${resolution}`, resolution, stages: [stage] })),
  },
  sessions: sides.map((_, rung) => [session(rung === sides.length - 1)]),
} as unknown as LoadedCascade;
const decode: DecodeCosts = { sources: [1], ms: { 64: [1], 160: [1] }, shrinkMs: 1 };
const facts: Facts = { cascades: { c: sides.map(() => [{ macs: 1, batch: 4, ms: 1 }]) }, decode };
const plan = somePlan([
  { rung: 0, thresholds: [0.9], reach: 1 },
  { rung: 1, thresholds: [null], reach: 0.5 },
] as never);

/** Content with whatever the first rung says, and meant to climb all the same. */
const easy = somePlan([
  { rung: 0, thresholds: [0], reach: 1 },
  { rung: 1, thresholds: [null], reach: 0.5 },
] as never);

function started(sessions: readonly object[] = loaded.sessions.flat()) {
  const cascade = { ...loaded, sessions: sessions.map((each) => [each]) } as unknown as LoadedCascade;
  const decodes: number[] = [];
  const waiting = new Map<number, (result: JobResult) => void>();
  const engine = new Engine(
    new Map([['c', cascade]]),
    facts,
    [
      { id: 1, plan },
      { id: 2, plan: easy },
    ],
    { maxPixels: 5e7, decoders: 2, threads: 1 },
    {
      result: (result) => waiting.get(result.id)!(result),
      run: () => {},
      decode: (ms) => decodes.push(ms),
      traced: () => {},
    },
  );
  const ask = (image: Uint8Array, more: Partial<Job> = {}) => {
    const id = waiting.size + 1;
    const job = { id, image, plan: 1, top: 1, priority: 'interactive', deadlineAt: Number.POSITIVE_INFINITY, ...more };
    const answer = new Promise<JobResult>((resolve) => waiting.set(id, resolve));
    engine.submit(job as Job);
    return { id, answer };
  };
  return { engine, ask, decodes };
}

describe('the engine of a lane', () => {
  it('keeps nothing of a picture when it has its answer, however it leaves', async () => {
    const { engine, ask } = started();
    // Other tests of this process may have pictures that they did not free.
    const before = rooms.takenBytes;
    const image = await jpeg(640, 480);
    const climbed = ask(image);
    const early = ask(image, { plan: 2 });
    const damaged = ask(Buffer.from('no picture'));
    const late = ask(image, { deadlineAt: Date.now() + 1 });
    const gone = ask(image);
    engine.cancel(gone.id);
    expect(await climbed.answer).toMatchObject({ ok: true, rung: 1, reason: 'final' });
    expect(await early.answer).toMatchObject({ ok: true, rung: 0, reason: 'confident' });
    expect(await damaged.answer).toMatchObject({ ok: false, code: 'damaged_image' });
    expect(await late.answer).toMatchObject({ ok: false, code: 'deadline_exceeded' });
    expect(await gone.answer).toMatchObject({ ok: false, code: 'client_gone' });
    // A decode that was on its way has given its room back when it ends.
    await vi.waitFor(() => expect(rooms.takenBytes).toBe(before), { timeout: 10_000 });
  });

  it('answers for a picture whose caller left at once, not after the decodes before it', async () => {
    const { engine, ask } = started();
    const image = await jpeg(640, 480);
    const [first, second, gone] = [ask(image), ask(image), ask(image)] as const;
    engine.cancel(gone.id);
    const order: string[] = [];
    await Promise.all([
      first.answer.then(() => order.push('first')),
      second.answer.then(() => order.push('second')),
      gone.answer.then(() => order.push('gone')),
    ]);
    expect(order[0]).toBe('gone');
  });

  it('keeps a picture on board until its decode is over, whoever left: a lane that dies of it has it to blame', async () => {
    const { engine, ask, decodes } = started();
    const image = await slowJpeg();
    const [gone, late] = [ask(image), ask(image, { deadlineAt: Date.now() + 20 })];
    await sleep(5);
    engine.cancel(gone.id);
    const seen = await Promise.all([gone, late].map(({ answer }) => answer.then(({ ok }) => [ok, decodes.length > 0])));
    expect(seen).toEqual([
      [false, true],
      [false, true],
    ]);
    expect(await gone.answer).toMatchObject({ code: 'client_gone', decodeMs: expect.any(Number) });
    expect(await late.answer).toMatchObject({ code: 'deadline_exceeded' });
  });

  it('answers by the deadline also when the clock was set back meanwhile', async () => {
    const slow = {
      run: async (feeds: Features) => {
        await sleep(400);
        return session(true).run(feeds);
      },
    };
    const { ask } = started([slow, slow]);
    const real = Date.now;
    const late = ask(await jpeg(640, 480), { deadlineAt: real() + 150 });
    const clock = vi.spyOn(Date, 'now').mockImplementation(() => real() - 100);
    try {
      expect(await late.answer).toMatchObject({ ok: false, code: 'deadline_exceeded' });
    } finally {
      clock.mockRestore();
    }
  });

  it('answers for each picture of a run whose logits are no numbers, sampled for a trace or not', async () => {
    const none = {
      run: async (feeds: Features) => {
        const made = await session(true).run(feeds);
        (made.logits.data as Float32Array).fill(Number.NaN, 0, CLASSES);
        return made;
      },
    };
    const { ask } = started([none, session(true)]);
    const trace = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16) };
    const image = await jpeg(64, 64);
    const answers = await Promise.all(
      [ask(image, { trace }), ask(image, { trace, plan: 2 })].map((each) => each.answer),
    );
    expect(answers[0]).toMatchObject({ ok: false, code: 'internal', detail: expect.stringContaining('no numbers') });
  });
});
