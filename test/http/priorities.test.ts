import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createApp } from '../../src/http/app.js';
import { Auth } from '../../src/http/auth.js';
import { sha256 } from '../../src/http/key-ring.js';
import { answerOf, expectProblem, post } from '../support/contract.js';
import { startGateway, type TestGateway } from '../support/gateway.js';
import { drawn } from '../support/pictures.js';
import { until } from '../support/process.js';

let served: TestGateway;
let image: Buffer;
beforeAll(async () => {
  // Half of the queue is batch's: many times fewer than come at once.
  served = await startGateway({ lanes: 1, queue: 20, maxWaitMs: 60_000 });
  image = await drawn(400, 400).png().toBuffer();
});
afterAll(() => served.gateway.close());

const shed = async (priority: string) => {
  const { values } = (await served.deps.metrics.registry.getSingleMetric('sluice_shed_total')!.get())!;
  return values.filter(({ labels }) => labels.priority === priority).reduce((sum, { value }) => sum + value, 0);
};

describe('while batch floods', () => {
  it('interactive requests are all answered, and batch is refused with a time to come back', async () => {
    let over = false;
    const flood = Array.from({ length: 50 }, async () => {
      const refused: number[] = [];
      let answered = 0;
      while (!over) {
        const response = await post(served.app, image).set('X-Sluice-Priority', 'batch');
        if (response.status === 200) answered++;
        else {
          expectProblem(response, 503, 'overloaded');
          refused.push(Number(response.headers['retry-after']));
        }
      }
      return { answered, refused };
    });
    const interactive = Array.from({ length: 4 }, async () => {
      for (let i = 0; i < 5; i++) answerOf(await post(served.app, image));
    });
    await Promise.all(interactive).finally(() => {
      over = true;
    });
    const outcomes = await Promise.all(flood);
    const refused = outcomes.flatMap((each) => each.refused);
    expect(refused.length).toBeGreaterThan(0);
    for (const seconds of refused) expect(seconds).toBeGreaterThanOrEqual(1);
    // It is shed first, but not starved.
    expect(outcomes.reduce((sum, each) => sum + each.answered, 0)).toBeGreaterThan(0);
    expect(await shed('interactive')).toBe(0);
    expect(await shed('batch')).toBe(refused.length);
  });

  it('a key of batch is batch, whatever its requests say', async () => {
    const secret = 'sluice_nightly-0123456789abcdef';
    const keys = [{ name: 'nightly', sha256: sha256(secret).toString('hex'), priority: 'batch' as const }];
    const app = createApp({ ...served.deps, auth: new Auth({ keyHashes: [], ratePerSecond: 0, keys }) });
    const before = await shed('batch');
    const all = await Promise.all(
      Array.from({ length: 60 }, () =>
        post(app, image).set('X-API-Key', secret).set('X-Sluice-Priority', 'interactive'),
      ),
    );
    const refused = all.filter(({ status }) => status === 503);
    expect(refused.length).toBeGreaterThan(0);
    expect((await shed('batch')) - before).toBe(refused.length);
    expect(await shed('interactive')).toBe(0);
  });
});

describe('a priority', () => {
  it.each(['high', '', 'batch, interactive', '__proto__'])('%j is none: 400 bad_header', async (priority) => {
    const response = await post(served.app, image).set('X-Sluice-Priority', priority);
    expect(expectProblem(response, 400, 'bad_header')).toContain('interactive, batch');
  });

  it.each(['batch', 'interactive', 'Batch'])('%j is one', async (priority) => {
    answerOf(await post(served.app, image).set('X-Sluice-Priority', priority));
  });
});

describe('a request that would wait longer than its deadline', () => {
  it('is refused at once, with 503 in place of a late 504', async () => {
    // Something must be known of the time that a picture takes.
    for (let i = 0; i < 3; i++)
      for (const response of await Promise.all(Array.from({ length: 20 }, () => post(served.app, image))))
        answerOf(response);
    const crowd = Array.from({ length: 30 }, () => post(served.app, image));
    const waiting = Promise.all(crowd);
    await until('there are some before it', () => served.gateway.expectedWaitMs('interactive') > 5);
    const wish = { deadlineAt: Date.now() + 1 };
    expect(() => served.gateway.admit(wish)).toThrow(expect.objectContaining({ code: 'overloaded' }));
    using admitted = served.gateway.admit({ deadlineAt: Date.now() + 600_000 });
    expect(admitted.cascade.name).toBe('cifar10');
    for (const response of await waiting) answerOf(response);
  });
});
