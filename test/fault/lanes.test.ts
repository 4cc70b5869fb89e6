import { createServer } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Gateway } from '../../src/gateway/gateway.js';
import { loadPolicies } from '../../src/policy/loader.js';
import { ONE_WAY, policyOfCifar10 } from '../support/cifar10.js';
import { type Answer, ask, expectProblem, post } from '../support/contract.js';
import { POLICIES, startGateway, type TestGateway } from '../support/gateway.js';
import { drawn, jpeg, slowJpeg } from '../support/pictures.js';
import { isAlive, until } from '../support/process.js';

let served: TestGateway;
let gateway: Gateway;
beforeEach(async () => {
  const { policies } = await loadPolicies(POLICIES);
  served = await startGateway({ hangMs: 2000, policies: [...policies, policyOfCifar10('one-way', ONE_WAY)] });
  gateway = served.gateway;
});
afterEach(() => gateway.close());

const pids = () => gateway.lanes.map(({ pid }) => pid);
const allReady = () => until('every lane is ready', () => gateway.laneCounts.ready === 2);

describe('lanes under kill -9', () => {
  it('lose none of 2,000 requests and change no answer while each lane is killed five times', {
    timeout: 180_000,
  }, async () => {
    const pictures = await Promise.all(Array.from({ length: 32 }, (_, i) => jpeg(32, 32, 11 * i)));
    const expected = await Promise.all(pictures.map((picture) => ask(served.app, picture, { policy: 'one-way' })));
    const server = createServer(served.app).listen(0);
    const { port } = server.address() as { port: number };
    const numbers = Array.from({ length: 2000 }, (_, i) => i).values();
    let done = 0;
    const failed: string[] = [];
    const worker = async () => {
      for (const i of numbers) {
        const url = `http://127.0.0.1:${port}/v1/classify?policy=one-way`;
        const response = await fetch(url, { method: 'POST', body: new Uint8Array(pictures[i % 32]!) });
        const body = (await response.json()) as Answer;
        done++;
        if (response.status !== 200) failed.push(JSON.stringify(body));
        else if (!same(body, expected[i % 32]!)) failed.push(`picture ${i % 32} got another answer`);
      }
    };
    const killer = async () => {
      for (let round = 1; round <= 5; round++) {
        await until('there is work under way', () => done >= 150 * round);
        for (const lane of [0, 1]) {
          await allReady();
          process.kill(pids()[lane]!, 'SIGKILL');
        }
      }
    };
    await Promise.all([killer(), ...Array.from({ length: 32 }, worker)]);
    server.close();
    expect(failed).toEqual([]);
    expect(done).toBe(2000);
    expect(served.deaths).toEqual(Array.from({ length: 10 }, () => 'SIGKILL'));
  });

  it('stay for signals that reach the whole process group: those are for the gateway', async () => {
    const before = pids();
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) for (const pid of before) process.kill(pid, signal);
    await ask(served.app, await jpeg(), { policy: 'one-way' });
    await ask(served.app, await jpeg(), { policy: 'one-way' });
    expect(pids()).toEqual(before);
    expect(served.deaths).toEqual([]);
  });

  it('are replaced by processes of the same number', async () => {
    const before = pids();
    for (const pid of before) process.kill(pid, 'SIGKILL');
    await until('both are dead', () => served.deaths.length === 2);
    expect(gateway.ready).toBe(false);
    await allReady();
    expect(gateway.ready).toBe(true);
    expect(pids().filter((pid) => before.includes(pid))).toEqual([]);
    await ask(served.app, await jpeg());
  });
});

describe('a lane that hangs', () => {
  it('is killed, and its request is answered by another', async () => {
    const answer = post(served.app, await slowJpeg()).then((response) => response);
    process.kill(await busyLane(), 'SIGSTOP');
    expect((await answer).status).toBe(200);
    expect(served.deaths).toEqual([expect.stringMatching(/^silent for \d+ ms$/)]);
    await allReady();
  });
});

describe('a picture that kills its lanes', () => {
  it('is refused after the second, never sent again, and harms no other request', async () => {
    const heavy = await slowJpeg();
    const fatal = post(served.app, heavy).then((response) => response);
    for (const deaths of [1, 2]) {
      const busy = await busyLane();
      process.kill(busy, 'SIGABRT');
      await until('it is dead', () => served.deaths.length === deaths);
    }
    expectProblem(await fatal, 422, 'poison_image');
    await allReady();
    expectProblem(await post(served.app, heavy), 422, 'poison_image');
    expect(served.deaths.length).toBe(2);
    await ask(served.app, await jpeg());
    // A picture of other bytes is another picture.
    await ask(served.app, await jpeg(7000, 7000), {}, 'image/jpeg');
  });
});

describe('a caller that hangs up', () => {
  it('frees its place: the work for it is dropped before it runs', async () => {
    await gateway.close();
    served = await startGateway({ lanes: 1 });
    gateway = served.gateway;
    const server = createServer(served.app).listen(0);
    const { port } = server.address() as { port: number };
    // Few bytes, many pixels, and no way to decode only some of them.
    const heavy = await drawn(3000, 2500).png().toBuffer();
    const leave = new AbortController();
    const gone = Array.from({ length: 60 }, () =>
      fetch(`http://127.0.0.1:${port}/v1/classify`, {
        method: 'POST',
        body: new Uint8Array(heavy),
        signal: leave.signal,
      }).then(
        () => 'answered',
        () => 'left',
      ),
    );
    await until('more wait than a lane takes', () => gateway.queued > 0);
    leave.abort();
    const outcomes = await Promise.all(gone);
    expect(outcomes.filter((outcome) => outcome === 'left').length).toBeGreaterThan(40);
    await until('nobody waits any more', () => gateway.queued === 0);
    await ask(served.app, await jpeg());
    const macs = await served.deps.metrics.registry.getSingleMetric('sluice_requests_total')!.get();
    const answered = macs.values
      .filter(({ labels }) => labels.code === '200')
      .reduce((sum, { value }) => sum + value, 0);
    expect(answered).toBeLessThan(20);
    server.close();
  });
});

describe('the gateway', () => {
  it('starts and closes five times without leaving a process behind', async () => {
    const seen: number[] = [...pids()];
    await gateway.close();
    for (let round = 0; round < 4; round++) {
      const { gateway: next } = await startGateway({ lanes: 1 });
      seen.push(...next.lanes.map(({ pid }) => pid));
      await Promise.all([next.close(), next.close()]);
    }
    await until('all lanes are gone', () => !seen.some(isAlive));
    expect(new Set(seen).size).toBe(6);
  });
});

/** Another batch rounds otherwise: the label is the same, the probability nearly. */
function same(a: Answer, b: Answer): boolean {
  const [p, q] = [a.predictions[0]!, b.predictions[0]!];
  return p.label === q.label && Math.abs(p.probability - q.probability) < 1e-3;
}

/** The lane that has the only request on board. */
async function busyLane(): Promise<number> {
  const busy = () => gateway.lanes.find(({ requests }) => requests > 0);
  await until('a lane has it', () => busy() !== undefined);
  return busy()!.pid;
}
