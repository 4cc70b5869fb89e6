import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { DecodeQueue } from '../../src/lane/decode-queue.js';
import type { Priority } from '../../src/priority.js';

/** Work that ends when it is told to; `started` lists what has begun. */
function bench(queue: DecodeQueue) {
  const started: string[] = [];
  const ends = new Map<string, () => void>();
  const ask = (name: string, priority: Priority, wanted = () => true) =>
    queue.run(
      () => {
        started.push(name);
        return new Promise<string>((resolve) => ends.set(name, () => resolve(name)));
      },
      wanted,
      priority,
    );
  const end = async (name: string) => {
    ends.get(name)!();
    await turn();
  };
  return { started, ask, end };
}

describe('the decode queue', () => {
  it('decodes so many at a time, interactive before batch', async () => {
    const { started, ask, end } = bench(new DecodeQueue(1));
    void ask('a', 'batch');
    void ask('b', 'batch');
    void ask('c', 'interactive');
    await turn();
    expect(started).toEqual(['a']);
    await end('a');
    await end('c');
    expect(started).toEqual(['a', 'c', 'b']);
  });

  it('passes over who is not wanted any more', async () => {
    const { started, ask, end } = bench(new DecodeQueue(1));
    void ask('a', 'interactive');
    const given = ask('b', 'interactive', () => false);
    void ask('c', 'interactive');
    await end('a');
    expect(await given).toBeUndefined();
    await turn();
    expect(started).toEqual(['a', 'c']);
  });

  it('lets batch stand back where a decoder is free, until it is woken', async () => {
    let back = true;
    const queue = new DecodeQueue(2, () => back);
    const { started, ask, end } = bench(queue);
    void ask('a', 'batch');
    void ask('b', 'interactive');
    await turn();
    expect(started).toEqual(['b']);
    await end('b');
    expect(started).toEqual(['b']);
    back = false;
    queue.wake();
    await turn();
    expect(started).toEqual(['b', 'a']);
  });

  it('gives batch one turn in ten all the same', async () => {
    const { started, ask, end } = bench(new DecodeQueue(1, () => true));
    void ask('first', 'interactive');
    void ask('batch', 'batch');
    for (let i = 0; i < 12; i++) void ask(`${i}`, 'interactive');
    for (let i = 0; i < 12; i++) {
      await turn();
      await end(started.at(-1)!);
    }
    expect(started.indexOf('batch')).toBe(10);
  });

  it('says how long the oldest decode has been at it', async () => {
    const queue = new DecodeQueue(1);
    expect(queue.oldestMs).toBe(0);
    const { ask, end } = bench(queue);
    const done = ask('a', 'batch');
    await turn();
    expect(queue.oldestMs).toBeGreaterThan(0);
    await end('a');
    expect((await done)?.result).toBe('a');
    expect(queue.oldestMs).toBe(0);
  });
});
