import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import request from 'supertest';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Answer, answerOf, ask, post, type Query } from '../support/contract.js';
import { balancedWith, type Deployed, deploy } from '../support/deployed.js';
import { jpeg } from '../support/pictures.js';
import { isAlive, until } from '../support/process.js';

let served: Deployed;
beforeEach(async () => {
  served = await deploy();
});
afterEach(() => served[Symbol.asyncDispose]());

const pids = () => served.gateway.lanes.map(({ pid }) => pid);
const versionOf = (name: string) => served.gateway.policies.find((policy) => policy.name === name)!.version;
const counted = async (result: 'accepted' | 'rejected') => {
  const { values } = await served.deps.metrics.registry.getSingleMetric('sluice_policy_reloads_total')!.get();
  return values.find(({ labels }) => labels.result === result)!.value;
};
const shown = async () => (await request(served.app).get('/v1/policies')).body.reload;

/** Callers that ask without a pause until `work` is done; every answer, and what else they were told. */
async function underLoad(work: (done: () => number) => Promise<void>, query: Query = { explain: true }) {
  const server = createServer(served.app).listen(0);
  const { port } = server.address() as { port: number };
  const pictures = await Promise.all(Array.from({ length: 8 }, (_, i) => jpeg(32, 32, 40 * i)));
  const params = new URLSearchParams(
    Object.entries(query).map(([key, value]) => [key, String(value)] as [string, string]),
  );
  const answers: Answer[] = [];
  const failed: string[] = [];
  let over = false;
  const caller = async (first: number) => {
    for (let i = first; !over; i++) {
      const body = new Uint8Array(pictures[i % 8]!);
      const response = await fetch(`http://127.0.0.1:${port}/v1/classify?${params}`, { method: 'POST', body });
      const text = await response.text();
      if (response.status === 200) answers.push(JSON.parse(text) as Answer);
      else failed.push(text);
    }
  };
  const callers = Array.from({ length: 2 }, (_, i) => caller(i));
  await until('there is work under way', () => answers.length + failed.length > 4);
  try {
    await work(() => answers.length + failed.length);
  } finally {
    over = true;
    await Promise.all(callers);
    server.close();
  }
  return { answers, failed };
}

const reloadModels = () => served.reloader.reload({ models: true });
const reloadPolicies = () => served.reloader.reload({ policies: true });

describe('policies', () => {
  it('change 200 times under load without a failed request, each answer walked by the version that it names', async () => {
    const thresholds = new Map<string, number>();
    const { answers, failed } = await underLoad(async (done) => {
      for (let round = 0; round < 200; round++) {
        const threshold = round % 2 ? 0.3 : 0.8;
        await served.write('balanced.yaml', balancedWith(threshold));
        await reloadPolicies();
        thresholds.set(versionOf('balanced'), threshold);
        // Some work between one and the next, without waiting for all of it.
        const sofar = done() + 2;
        await until('requests came in between', () => done() >= sofar);
      }
    });
    expect(failed).toEqual([]);
    expect(await counted('accepted')).toBe(200);
    expect(thresholds.size).toBe(2);
    const first = answers[0]!.route.policy_version;
    const walked = answers.filter(({ route }) => route.policy_version !== first);
    expect(new Set(walked.map(({ route }) => route.policy_version))).toEqual(new Set(thresholds.keys()));
    for (const { route } of walked) {
      const used = new Set(route.steps!.map((step) => step.threshold).filter((threshold) => threshold !== null));
      expect([...used]).toEqual([thresholds.get(route.policy_version)]);
    }
    expect(served.deaths).toEqual([]);
  });

  it('stay as they were for a request that was let in before', async () => {
    await served.write('balanced.yaml', balancedWith(0.9));
    await reloadPolicies();
    const before = versionOf('balanced');
    using admission = served.gateway.admit({});
    await served.write('balanced.yaml', balancedWith(0.3));
    await reloadPolicies();
    expect(versionOf('balanced')).not.toBe(before);
    // Also in a lane that started after the reload.
    for (const pid of pids()) process.kill(pid, 'SIGKILL');
    await until('both are replaced', () => served.deaths.length === 2 && served.gateway.laneCounts.ready === 2);
    const asked = { image: await jpeg(), top: 1, deadlineAt: Number.POSITIVE_INFINITY, explain: true };
    const { plan, answer } = await served.gateway.classify(asked, admission);
    expect(plan.version).toBe(before);
    expect(answer.steps![0]!.threshold).toBe(0.9);
  });

  it('are refused as a whole with file, key, value and what is allowed, and taken when they are mended', async () => {
    const before = versionOf('balanced');
    await served.write('fast.yaml', balancedWith(0.5));
    await served.write('balanced.yaml', balancedWith(7));
    const { failed } = await underLoad(reloadPolicies);
    expect(failed).toEqual([]);
    expect(served.reloader.last).toMatchObject({
      result: 'rejected',
      errors: [
        {
          file: join(served.policies, 'balanced.yaml'),
          key: 'cascades.cifar10.route[0].thresholds[0]',
          reason: 'found 7; allowed: 0 to 1',
        },
      ],
    });
    expect(await shown()).toEqual({
      at: expect.any(String),
      result: 'rejected',
      errors: [expect.objectContaining({ file: 'policies/balanced.yaml', reason: 'found 7; allowed: 0 to 1' })],
    });
    expect([await counted('accepted'), await counted('rejected')]).toEqual([0, 1]);
    expect((await ask(served.app, await jpeg())).route.policy_version).toBe(before);
    await reloadPolicies();
    expect(await counted('rejected')).toBe(1);
    await served.write('balanced.yaml', balancedWith(0.7));
    await reloadPolicies();
    expect(await shown()).toMatchObject({ result: 'accepted', errors: [] });
    expect((await ask(served.app, await jpeg())).route.policy_version).toBe(versionOf('balanced'));
  });

  it('that come back as they are served end the refusal', async () => {
    const text = await readFile(join(served.policies, 'balanced.yaml'), 'utf8');
    await served.write('balanced.yaml', 'kind: none');
    await reloadPolicies();
    await served.write('balanced.yaml', text);
    await reloadPolicies();
    expect(await shown()).toMatchObject({ result: 'accepted' });
  });

  it('may go, but not the default', async () => {
    await served.write('extra.yaml', balancedWith(0.5));
    await reloadPolicies();
    await ask(served.app, await jpeg(), { policy: 'extra' });
    await rm(join(served.policies, 'extra.yaml'));
    await reloadPolicies();
    expect((await post(served.app, await jpeg(), { policy: 'extra' })).status).toBe(404);
    await rm(join(served.policies, 'balanced.yaml'));
    await reloadPolicies();
    expect(served.reloader.last!.errors[0]!.reason).toMatch(
      /^no policy "balanced" for cifar10.*found: adaptive, fast, full$/,
    );
    await ask(served.app, await jpeg(), { policy: 'balanced' });
  });

  it('that were only touched change nothing', async () => {
    await served.write('balanced.yaml', await readFile(join(served.policies, 'balanced.yaml'), 'utf8'));
    await served.reloader.reload({ models: true, policies: true, again: true });
    expect(served.reloader.last).toBeUndefined();
  });
});

describe('models', () => {
  const copyCascade = (name: string) =>
    cp(join(served.models, 'cifar10'), join(served.models, name), { recursive: true });

  it('change under load without a failed request, and the lanes before end', async () => {
    const before = pids();
    await copyCascade('copied');
    const { failed, answers } = await underLoad(reloadModels);
    expect(failed).toEqual([]);
    expect(answers.length).toBeGreaterThan(0);
    expect(served.reloader.last).toMatchObject({ result: 'accepted' });
    expect(served.gateway.cascades.map(({ name }) => name)).toEqual(['cifar10', 'copied']);
    expect((await ask(served.app, await jpeg(), { cascade: 'copied', policy: 'full' })).cascade).toBe('copied');
    await until('the lanes before are gone', () => !before.some(isAlive));
    expect(served.gateway.laneCounts).toEqual({ ready: 2, starting: 0, retiring: 0 });
    expect(served.deaths).toEqual([]);
  });

  it('keep the lanes before for a request that was let in to them', async () => {
    const before = pids();
    const admission = served.gateway.admit({ cascade: 'cifar10', policy: 'full' });
    await copyCascade('copied');
    await reloadModels();
    expect(served.gateway.laneCounts).toEqual({ ready: 2, starting: 0, retiring: 2 });
    const asked = { image: await jpeg(), top: 1, deadlineAt: Number.POSITIVE_INFINITY, explain: false };
    for (const pid of before) process.kill(pid, 'SIGKILL');
    await until('both are dead', () => served.deaths.length === 2);
    expect((await served.gateway.classify(asked, admission)).plan.policy).toBe('full');
    admission[Symbol.dispose]();
    await until('the lanes before are gone', () => served.gateway.laneCounts.retiring === 0);
  });

  it('that do not load are refused, and lanes that start again still find those that are served', async () => {
    const stage = join(served.models, 'cifar10', 'slimnet-w1-r32-stage4.onnx');
    await writeFile(stage, 'words');
    const { failed } = await underLoad(reloadModels);
    expect(failed).toEqual([]);
    const [error] = served.reloader.last!.errors;
    expect(error).toMatchObject({ file: stage, reason: expect.stringMatching(/not a graph that can run/) });
    expect(error!.reason).not.toMatch(/sluice-models-/);
    for (const pid of pids()) process.kill(pid, 'SIGKILL');
    await until('both are replaced', () => served.deaths.length === 2 && served.gateway.laneCounts.ready === 2);
    await ask(served.app, await jpeg(), { policy: 'full' });
  });

  it('and policies that need them are taken together', async () => {
    await copyCascade('copied');
    await served.write('copied.yaml', balancedWith(0.5).replace('cifar10', 'copied'));
    await served.reloader.reload({ policies: true });
    expect(served.reloader.last!.errors[0]!.reason).toBe('found "copied"; allowed: cifar10');
    await served.reloader.reload({ models: true });
    expect(answerOf(await post(served.app, await jpeg(), { cascade: 'copied', policy: 'copied' })).policy).toBe(
      'copied',
    );
  });

  it('lose nothing when lanes of both sets are killed meanwhile', async () => {
    await copyCascade('copied');
    const { failed } = await underLoad(
      async () => {
        const [old] = pids();
        const reloaded = reloadModels();
        await until('lanes of the next set are there', () => pids().length > 2);
        process.kill(old!, 'SIGKILL');
        process.kill(pids().at(-1)!, 'SIGKILL');
        await until('both are dead', () => served.deaths.length >= 2);
        await reloaded;
        process.kill(served.gateway.lanes[0]!.pid, 'SIGKILL');
        await until('that one is replaced', () => served.gateway.laneCounts.ready === 2);
      },
      { policy: 'full' },
    );
    expect(failed).toEqual([]);
    expect(served.reloader.last).toMatchObject({ result: 'accepted' });
  });
});
