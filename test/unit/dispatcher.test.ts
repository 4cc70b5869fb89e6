import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { RequestError } from '../../src/errors.js';
import { Dispatcher, type LaneHandle } from '../../src/gateway/dispatcher.js';
import type { Job, JobResult } from '../../src/lane/messages.js';
import type { Priority } from '../../src/priority.js';

/** Remembers what it was given; the test says when it answers. */
class ScriptedLane implements LaneHandle {
  readonly number = 0;
  readonly jobs: Job[] = [];
  readonly cancelled: number[] = [];
  run(jobs: readonly Job[]) {
    this.jobs.push(...jobs);
  }
  cancel(ids: readonly number[]) {
    this.cancelled.push(...ids);
  }
}

const QUIET = { poison: () => {} };
const LIMITS = { queue: 10, bytes: 1000, window: 4, windowBytes: 100 };
const request = (name: string, deadlineAt = Number.POSITIVE_INFINITY) => ({
  image: Buffer.from(name),
  plan: 0,
  top: 1,
  deadlineAt,
  explain: false,
});
const answerTo = (job: Job): JobResult => ({
  id: job.id,
  ok: true,
  top: [{ index: 0, probability: 1 }],
  rung: 0,
  exit: 1,
  score: 1,
  reason: 'confident',
  macs: 1,
  decodeMs: 1,
  inferenceMs: 1,
  runMs: 1,
});
const code = (promise: Promise<unknown>) => promise.then(() => 'answered').catch((error) => error.code as string);

/** A picture kills its lane, and its deadline passes before there is another. */
async function lateAfterDeath(dispatcher: Dispatcher, name: string): Promise<void> {
  const lane = new ScriptedLane();
  dispatcher.attach(lane);
  const late = code(dispatcher.dispatch(request(name, Date.now() + 30)));
  dispatcher.detach(lane);
  expect(await late).toBe('deadline_exceeded');
}

describe('Dispatcher', () => {
  it('gives new requests to the lane with the fewest on board, up to the window', () => {
    const dispatcher = new Dispatcher({ ...LIMITS, queue: 10, window: 2 }, QUIET);
    const [a, b] = [new ScriptedLane(), new ScriptedLane()];
    dispatcher.attach(a);
    dispatcher.attach(b);
    for (let i = 0; i < 6; i++) void dispatcher.dispatch(request(`${i}`)).catch(() => {});
    expect([a.jobs.length, b.jobs.length, dispatcher.queued]).toEqual([2, 2, 2]);
  });

  it('refuses at the limit of the queue, with a time to try again', async () => {
    const dispatcher = new Dispatcher({ ...LIMITS, queue: 1, window: 1 }, QUIET);
    void dispatcher.dispatch(request('waits')).catch(() => {});
    await expect(dispatcher.dispatch(request('too many'))).rejects.toMatchObject({
      code: 'overloaded',
      retryAfterSeconds: 1,
    });
  });

  it('refuses a picture whose bytes would be too many to hold, and takes it again when others are done', async () => {
    const dispatcher = new Dispatcher({ ...LIMITS, bytes: 10 }, QUIET);
    const lane = new ScriptedLane();
    dispatcher.attach(lane);
    const first = code(dispatcher.dispatch(request('12345678')));
    expect(await code(dispatcher.dispatch(request('123')))).toBe('overloaded');
    dispatcher.results(lane, [answerTo(lane.jobs[0]!)]);
    expect(await first).toBe('answered');
    void dispatcher.dispatch(request('123'));
    expect(lane.jobs.length).toBe(2);
  });

  it('sends a lane only so many bytes at a time, but always one picture', () => {
    const dispatcher = new Dispatcher({ ...LIMITS, windowBytes: 5 }, QUIET);
    const lane = new ScriptedLane();
    dispatcher.attach(lane);
    void dispatcher.dispatch(request('1234567'));
    void dispatcher.dispatch(request('1'));
    expect(lane.jobs.length).toBe(1);
    dispatcher.results(lane, [answerTo(lane.jobs[0]!)]);
    expect(lane.jobs.length).toBe(2);
  });

  it('sends the requests of a dead lane to another one, each alone, and blames none that live', async () => {
    const poisoned: string[] = [];
    const dispatcher = new Dispatcher(
      { ...LIMITS, queue: 10, window: 4 },
      {
        poison: (image) => poisoned.push(Buffer.from(image).toString()),
      },
    );
    const [first, second] = [new ScriptedLane(), new ScriptedLane()];
    dispatcher.attach(first);
    const outcomes = ['a', 'b', 'c'].map((name) => code(dispatcher.dispatch(request(name))));
    dispatcher.detach(first);
    dispatcher.attach(second);
    for (let i = 0; i < 3; i++) {
      expect(second.jobs.length).toBe(i + 1);
      dispatcher.results(second, [answerTo(second.jobs[i]!)]);
    }
    expect(await Promise.all(outcomes)).toEqual(['answered', 'answered', 'answered']);
    expect(poisoned).toEqual([]);
  });

  it('refuses a request that kills two lanes, and only that one', async () => {
    const poisoned: string[] = [];
    const dispatcher = new Dispatcher(
      { ...LIMITS, queue: 10, window: 4 },
      {
        poison: (image) => poisoned.push(Buffer.from(image).toString()),
      },
    );
    const lanes = Array.from({ length: 3 }, () => new ScriptedLane());
    dispatcher.attach(lanes[0]!);
    const bad = code(dispatcher.dispatch(request('bad')));
    const good = code(dispatcher.dispatch(request('good')));
    dispatcher.detach(lanes[0]!);
    dispatcher.attach(lanes[1]!);
    dispatcher.detach(lanes[1]!); // died with `bad` alone on board
    expect(await bad).toBe('poison_image');
    dispatcher.attach(lanes[2]!);
    dispatcher.results(lanes[2]!, [answerTo(lanes[2]!.jobs[0]!)]);
    expect(await good).toBe('answered');
    expect(poisoned).toEqual(['bad']);
  });

  it('takes a kill from outside as proof only against a request that was alone both times', async () => {
    const dispatcher = new Dispatcher({ ...LIMITS, queue: 10, window: 4 }, QUIET);
    const lanes = Array.from({ length: 5 }, () => new ScriptedLane());
    dispatcher.attach(lanes[0]!);
    const [a, b] = [code(dispatcher.dispatch(request('a'))), code(dispatcher.dispatch(request('b')))];
    dispatcher.detach(lanes[0]!, true); // both on board
    dispatcher.attach(lanes[1]!);
    dispatcher.detach(lanes[1]!, true); // `a` alone for the first time: tried again, after `b`
    dispatcher.attach(lanes[2]!);
    dispatcher.results(lanes[2]!, [answerTo(lanes[2]!.jobs[0]!)]);
    expect(await b).toBe('answered');
    expect(lanes[2]!.jobs.map(({ image }) => Buffer.from(image).toString())).toEqual(['b', 'a']);
    dispatcher.detach(lanes[2]!, true);
    expect(await a).toBe('poison_image');
  });

  it('knows a picture again that killed a lane before its caller left or its deadline passed', async () => {
    const poisoned: string[] = [];
    const dispatcher = new Dispatcher(LIMITS, { poison: (image) => poisoned.push(Buffer.from(image).toString()) });
    await lateAfterDeath(dispatcher, 'bad');
    // One that comes again waits for a lane of its own.
    const lane = new ScriptedLane();
    dispatcher.attach(lane);
    const other = code(dispatcher.dispatch(request('good')));
    const caller = new AbortController();
    const again = code(dispatcher.dispatch(request('bad'), caller.signal));
    expect(lane.jobs.length).toBe(1);
    dispatcher.results(lane, [answerTo(lane.jobs[0]!)]);
    expect(lane.jobs.length).toBe(2);
    caller.abort();
    expect([await other, await again]).toEqual(['answered', 'client_gone']);
    dispatcher.detach(lane);
    expect(poisoned).toEqual(['bad']);
  });

  it('forgets what it held against a picture that a lane has answered', async () => {
    const dispatcher = new Dispatcher(LIMITS, QUIET);
    await lateAfterDeath(dispatcher, 'good');
    const lane = new ScriptedLane();
    dispatcher.attach(lane);
    const again = code(dispatcher.dispatch(request('good')));
    dispatcher.results(lane, [answerTo(lane.jobs[0]!)]);
    expect(await again).toBe('answered');
    void dispatcher.dispatch(request('other')).catch(() => {});
    void dispatcher.dispatch(request('good')).catch(() => {});
    expect(lane.jobs.length).toBe(3);
  });

  it('tries interactive suspects before those of batch, and leaves one lane of several to the rest', async () => {
    const dispatcher = new Dispatcher(LIMITS, QUIET);
    const [dying, a, b] = [new ScriptedLane(), new ScriptedLane(), new ScriptedLane()];
    dispatcher.attach(dying);
    for (const name of ['b1', 'b2', 'b3'])
      void dispatcher.dispatch({ ...request(name), priority: 'batch' }).catch(() => {});
    void dispatcher.dispatch(request('i1')).catch(() => {});
    dispatcher.detach(dying);
    dispatcher.attach(a);
    const names = (lane: ScriptedLane) => lane.jobs.map(({ image }) => Buffer.from(image).toString());
    expect(names(a)).toEqual(['i1']);
    dispatcher.attach(b);
    expect(names(b)).toEqual([]);
    void dispatcher.dispatch(request('new')).catch(() => {});
    expect(names(b)).toEqual(['new']);
    dispatcher.results(a, [answerTo(a.jobs[0]!)]);
    expect(names(a)).toEqual(['i1', 'b1']);
    // Alone it has to take them in turn with the rest: each after all that is on board.
    dispatcher.detach(b);
    dispatcher.results(a, [answerTo(a.jobs[1]!)]);
    expect(names(a)).toEqual(['i1', 'b1', 'new']);
  });

  it('looks for room in every lane, not only in the one with the fewest of a kind', () => {
    const dispatcher = new Dispatcher({ ...LIMITS, queue: 100, window: 4, windowBytes: 1000 }, QUIET);
    const [a, b] = [new ScriptedLane(), new ScriptedLane()];
    dispatcher.attach(a);
    for (let i = 0; i < 3; i++)
      void dispatcher.dispatch({ ...request(`batch ${i}`), priority: 'batch' }).catch(() => {});
    void dispatcher.dispatch(request('full')).catch(() => {});
    dispatcher.attach(b);
    // `a` is full with one interactive picture; `b` has more of them, and room.
    for (let i = 0; i < 4; i++) void dispatcher.dispatch(request(`${i}`)).catch(() => {});
    expect([a.jobs.length, b.jobs.length, dispatcher.queued]).toEqual([4, 4, 0]);
  });

  it('does not hold the pictures of a request against one another', async () => {
    const dispatcher = new Dispatcher({ ...LIMITS, queue: 1000, bytes: 1e6, maxWaitMs: 200 }, QUIET);
    const lane = new ScriptedLane();
    dispatcher.attach(lane);
    for (let i = 0; i < 50; i++) {
      const answered = dispatcher.dispatch(request(`${i}`));
      await sleep(2);
      dispatcher.results(lane, [{ ...answerTo(lane.jobs.at(-1)!), inferenceMs: 2 } as JobResult]);
      await answered;
    }
    const all = (oneOfMany: boolean) =>
      Array.from({ length: 300 }, (_, i) => code(dispatcher.dispatch({ ...request(`${i}`), oneOfMany })));
    const batch = all(true);
    expect(await Promise.race([sleep(20), ...batch])).toBeUndefined();
    // To others that comes in now it is a crowd.
    expect(await code(dispatcher.dispatch(request('other')))).toBe('overloaded');
  });

  it('does not blame a request for a second death that it shared with others', async () => {
    const dispatcher = new Dispatcher({ ...LIMITS, queue: 10, window: 4 }, QUIET);
    const [first, second] = [new ScriptedLane(), new ScriptedLane()];
    dispatcher.attach(first);
    const outcomes = ['a', 'b'].map((name) => code(dispatcher.dispatch(request(name))));
    dispatcher.detach(first);
    dispatcher.attach(second);
    dispatcher.results(second, [answerTo(second.jobs[0]!)]);
    dispatcher.results(second, [answerTo(second.jobs[1]!)]);
    expect(await Promise.all(outcomes)).toEqual(['answered', 'answered']);
  });

  it('frees the place of a caller who left: at once in the queue, with word to the lane when it is there', async () => {
    const dispatcher = new Dispatcher({ ...LIMITS, queue: 1, window: 1 }, QUIET);
    const lane = new ScriptedLane();
    dispatcher.attach(lane);
    const [aboard, waiting] = [new AbortController(), new AbortController()];
    const first = code(dispatcher.dispatch(request('aboard'), aboard.signal));
    const second = code(dispatcher.dispatch(request('waiting'), waiting.signal));
    waiting.abort();
    expect(await second).toBe('client_gone');
    expect(dispatcher.queued).toBe(0);
    aboard.abort();
    expect(await first).toBe('client_gone');
    expect(lane.cancelled).toEqual([lane.jobs[0]!.id]);
    // The lane's word that it dropped the picture makes room for the next.
    const third = code(dispatcher.dispatch(request('next')));
    dispatcher.results(lane, [
      { id: lane.jobs[0]!.id, ok: false, code: 'client_gone', detail: '', decodeMs: 0, inferenceMs: 0 },
    ]);
    dispatcher.results(lane, [answerTo(lane.jobs[1]!)]);
    expect(await third).toBe('answered');
  });

  it('answers deadline_exceeded to a request that no lane takes in time', async () => {
    const dispatcher = new Dispatcher({ ...LIMITS, queue: 1, window: 1 }, QUIET);
    expect(await code(dispatcher.dispatch(request('late', Date.now() + 5)))).toBe('deadline_exceeded');
    expect(dispatcher.queued).toBe(0);
  });

  it('gives up on a lane that is stuck long past the deadline', async () => {
    const dispatcher = new Dispatcher({ ...LIMITS, queue: 1, window: 1 }, QUIET);
    const lane = new ScriptedLane();
    dispatcher.attach(lane);
    expect(await code(dispatcher.dispatch(request('stuck', Date.now() + 5)))).toBe('deadline_exceeded');
    expect(lane.cancelled).toEqual([lane.jobs[0]!.id]);
  });

  it('refuses all that is unanswered when it closes', async () => {
    const dispatcher = new Dispatcher({ ...LIMITS, queue: 9, window: 1 }, QUIET);
    dispatcher.attach(new ScriptedLane());
    const outcomes = ['aboard', 'waiting'].map((name) => code(dispatcher.dispatch(request(name))));
    const closing = await import('../../src/errors.js');
    dispatcher.close(new closing.RequestError('shutting_down', 'bye'));
    expect(await Promise.all(outcomes)).toEqual(['shutting_down', 'shutting_down']);
  });
});

describe('work that nobody waits for', () => {
  const idle = (dispatcher: Dispatcher, name: string) => dispatcher.dispatchIdle(request(name));

  it('goes to a lane only when nothing else waits and the lane has nothing on board', async () => {
    const dispatcher = new Dispatcher(LIMITS, QUIET);
    const lane = new ScriptedLane();
    dispatcher.attach(lane);
    const first = dispatcher.dispatch(request('asked'));
    const later = idle(dispatcher, 'audit');
    expect(lane.jobs.map(({ image }) => String(image))).toEqual(['asked']);
    dispatcher.results(lane, [answerTo(lane.jobs[0]!)]);
    await first;
    expect(lane.jobs.map(({ image }) => String(image))).toEqual(['asked', 'audit']);
    expect(dispatcher.outstanding).toBe(0);
    dispatcher.results(lane, [answerTo(lane.jobs[1]!)]);
    expect(await later).toMatchObject({ ok: true });
  });

  it('is dropped beyond a few, and when its lane dies: it is never tried again', async () => {
    const dispatcher = new Dispatcher(LIMITS, QUIET);
    const lane = new ScriptedLane();
    dispatcher.attach(lane);
    const aboard = idle(dispatcher, 'a');
    const waiting = Array.from({ length: 16 }, () => idle(dispatcher, 'b'));
    expect(await idle(dispatcher, 'too many')).toBeUndefined();
    dispatcher.detach(lane);
    expect(await aboard).toBeUndefined();
    const next = new ScriptedLane();
    dispatcher.attach(next);
    expect(next.jobs.map(({ image }) => String(image))).toEqual(['b']);
    dispatcher.close(new RequestError('shutting_down', 'closed'));
    expect(await Promise.all(waiting)).toEqual(waiting.map(() => undefined));
  });

  it('takes no place of those who wait: neither in the queue, nor of the bytes that they need', async () => {
    const dispatcher = new Dispatcher({ ...LIMITS, queue: 1, bytes: 10 }, QUIET);
    expect(await idle(dispatcher, 'six by')).toBeUndefined();
    void idle(dispatcher, 'small');
    expect(dispatcher.queued).toBe(0);
    void dispatcher.dispatch(request('asked')).catch(() => {});
    expect(dispatcher.queued).toBe(1);
  });
});

describe('two priorities', () => {
  const ask = (dispatcher: Dispatcher, name: string, priority: 'interactive' | 'batch') =>
    code(dispatcher.dispatch({ ...request(name), priority }));
  const names = ({ jobs }: ScriptedLane) => jobs.map(({ image }) => String(image));
  /** Answers one after the other, so that each next one is chosen with all the others waiting. */
  const answerAll = (dispatcher: Dispatcher, lane: ScriptedLane) => {
    for (let i = 0; i < lane.jobs.length; i++) dispatcher.results(lane, [answerTo(lane.jobs[i]!)]);
  };

  it('interactive goes before batch that came earlier, and batch has one turn in ten', async () => {
    const dispatcher = new Dispatcher({ ...LIMITS, queue: 100, window: 1 }, QUIET);
    const all = Array.from({ length: 6 }, (_, i) => ask(dispatcher, `b${i}`, 'batch'));
    for (let i = 0; i < 30; i++) all.push(ask(dispatcher, `i${i}`, 'interactive'));
    const lane = new ScriptedLane();
    dispatcher.attach(lane);
    answerAll(dispatcher, lane);
    expect(new Set(await Promise.all(all))).toEqual(new Set(['answered']));
    const order = names(lane);
    expect(order.slice(0, 9)).toEqual(Array.from({ length: 9 }, (_, i) => `i${i}`));
    expect(['b0', 'b1', 'b2'].map((name) => order.indexOf(name))).toEqual([9, 19, 29]);
    expect(order.slice(-3)).toEqual(['b3', 'b4', 'b5']);
  });

  it('batch leaves places in each lane for interactive ones', () => {
    const dispatcher = new Dispatcher({ ...LIMITS, queue: 100, window: 4 }, QUIET);
    const lane = new ScriptedLane();
    dispatcher.attach(lane);
    for (let i = 0; i < 6; i++) void ask(dispatcher, `b${i}`, 'batch');
    expect(names(lane)).toEqual(['b0', 'b1', 'b2']);
    void ask(dispatcher, 'i0', 'interactive');
    expect(names(lane)).toEqual(['b0', 'b1', 'b2', 'i0']);
    expect([dispatcher.queuedOf('batch'), dispatcher.queuedOf('interactive')]).toEqual([3, 0]);
  });

  it('one lane of several takes no batch while interactive requests come, and they take that lane', () => {
    const dispatcher = new Dispatcher({ ...LIMITS, queue: 100 }, QUIET);
    const [a, b] = [new ScriptedLane(), new ScriptedLane()];
    dispatcher.attach(a);
    dispatcher.attach(b);
    const send = (name: string, priority: Priority) =>
      void dispatcher.dispatch({ ...request(name), priority }).catch(() => {});
    const names = ({ jobs }: ScriptedLane) => jobs.map(({ image }) => Buffer.from(image).toString());
    send('person', 'interactive');
    for (let i = 0; i < 5; i++) send('batch', 'batch');
    expect(names(a)).toEqual(['person']);
    // And of batch few are on board of the others.
    expect(names(b)).toEqual(['batch', 'batch']);
    dispatcher.results(a, [answerTo(a.jobs[0]!)]);
    send('another', 'interactive');
    // The lane of the first has one of its kind on board, the other none.
    send('a third', 'interactive');
    expect(names(a)).toEqual(['person', 'another']);
    expect(names(b)).toEqual(['batch', 'batch', 'a third']);
  });

  it('a single lane takes both', () => {
    const dispatcher = new Dispatcher(LIMITS, QUIET);
    const lane = new ScriptedLane();
    dispatcher.attach(lane);
    for (const priority of ['interactive', 'batch'] as const)
      void dispatcher.dispatch({ ...request(priority), priority });
    expect(lane.jobs.length).toBe(2);
  });

  it('batch is refused while interactive is still taken, and each refusal is told', async () => {
    const shed: object[] = [];
    const dispatcher = new Dispatcher({ ...LIMITS, queue: 4 }, { ...QUIET, shed: (one) => shed.push(one) });
    for (let i = 0; i < 2; i++) void ask(dispatcher, `b${i}`, 'batch');
    expect(await ask(dispatcher, 'b2', 'batch')).toBe('overloaded');
    for (let i = 0; i < 2; i++) void ask(dispatcher, `i${i}`, 'interactive');
    expect(await ask(dispatcher, 'i2', 'interactive')).toBe('overloaded');
    expect(shed).toEqual([
      { priority: 'batch', reason: 'queue' },
      { priority: 'interactive', reason: 'queue' },
    ]);
  });
});
