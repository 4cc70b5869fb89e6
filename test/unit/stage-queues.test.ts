import { describe, expect, it } from 'vitest';
import type { LoadedCascade } from '../../src/lane/loaded.js';
import type { Facts } from '../../src/lane/messages.js';
import { StageQueues } from '../../src/lane/stage-queues.js';
import type { Traveller } from '../../src/lane/traveller.js';
import type { Priority } from '../../src/priority.js';

/** One rung of two stages, which run eight pictures at best. */
const loaded = {
  cascade: { name: 'c', rungs: [{ id: 'r', stages: [{}, {}] }] },
} as unknown as LoadedCascade;
const stage = { macs: 1, batch: 8, ms: 1 };
const facts = { cascades: { c: [[stage, stage]] } } as unknown as Facts;
const queues = () => new StageQueues(new Map([['c', loaded]]), facts);
const picture = (id: number, priority: Priority, at = 0) =>
  ({ job: { id, priority }, plan: { legs: [{ rung: 0 }] }, at: { leg: 0, stage: at } }) as unknown as Traveller;
const idsOf = (run: ReturnType<StageQueues['take']>) => run?.pictures.map(({ job }) => job.id);

describe('the stage queues of a lane', () => {
  it('run the deepest stage first, unless others have waited too long', () => {
    const all = queues();
    all.push(picture(1, 'interactive', 0), loaded, 0);
    all.push(picture(2, 'interactive', 1), loaded, 100);
    expect(idsOf(all.take(100))).toEqual([2]);
    all.push(picture(3, 'interactive', 1), loaded, 260);
    expect([all.take(260), all.take(260), all.take(260)].map(idsOf)).toEqual([[1], [3], undefined]);
  });

  it('run interactive before batch, however deep, never both in one run, and batch one turn in forty', () => {
    const all = queues();
    for (let id = 0; id < 8; id++) all.push(picture(id, 'batch', 1), loaded, 0);
    const order: (string | undefined)[] = [];
    for (let id = 100; id < 180; id++) {
      all.push(picture(id, 'interactive', 0), loaded, 0);
      order.push(all.take(0)?.pictures[0]?.job.priority);
    }
    expect(order.flatMap((priority, at) => (priority === 'batch' ? [at] : []))).toEqual([39, 79]);
    // What batch took the place of runs with the next, so only the last one is left.
    expect(idsOf(all.take(0))).toEqual([179]);
  });

  it('take no turn and no place for pictures that left meanwhile', () => {
    const all = queues();
    for (let id = 0; id < 20; id++) all.push(picture(id, 'batch'), loaded, 0);
    const isThere = ({ job }: Traveller) => job.id % 10 === 9;
    expect(idsOf(all.take(0, false, isThere))).toEqual([9, 19]);
    expect(all.take(0, false, isThere)).toBeUndefined();
  });

  it('let batch stand back, but for its turns', () => {
    const all = queues();
    for (let id = 0; id < 4; id++) all.push(picture(id, 'batch'), loaded, 0);
    expect(all.take(0, true)).toBeUndefined();
    const order: (string | undefined)[] = [];
    for (let id = 100; id < 141; id++) {
      all.push(picture(id, 'interactive'), loaded, 0);
      order.push(all.take(0, true)?.pictures[0]?.job.priority);
    }
    expect(order.indexOf('batch')).toBe(39);
    expect(order.filter((priority) => priority === 'batch')).toHaveLength(1);
    while (all.take(0, true) !== undefined);
    expect(all.take(0)?.pictures[0]?.job.priority).toBe('batch');
  });

  it('run batch in full when it is alone, and in short runs just after an interactive picture', () => {
    const all = queues();
    for (let id = 0; id < 18; id++) all.push(picture(id, 'batch'), loaded, 0);
    expect(all.take(0)?.pictures.length).toBe(8);
    all.push(picture(100, 'interactive'), loaded, 0);
    expect(idsOf(all.take(0))).toEqual([100]);
    expect(all.take(0)?.pictures.length).toBe(2);
    expect(all.take(5000)?.pictures.length).toBe(8);
  });
});
