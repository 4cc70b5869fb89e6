import { setTimeout } from 'node:timers/promises';
import request from 'supertest';
import { afterEach, describe, expect, it } from 'vitest';
import type { NamedPolicy } from '../../src/policy/loader.js';
import { PolicyFile } from '../../src/policy/schema.js';
import { FULL, never, policyOfCifar10 as policy } from '../support/cifar10.js';
import { type Answer, answerOf, ask, expectProblem, post } from '../support/contract.js';
import { startGateway, type TestGateway } from '../support/gateway.js';
import { jpeg } from '../support/pictures.js';
import { until } from '../support/process.js';

const full: NamedPolicy = { name: 'full', file: 'full.yaml', version: '1', policy: PolicyFile.parse({ kind: 'full' }) };

/** Answers at the first exit of a rung, whatever it says. */
const first = (rung: string) => [{ rung, thresholds: [0, null] }];
const point = (name: string, macs: number, route: object[]) => ({ name, expected: { macs, agreement: 0.9 }, route });
const points = [
  point('dear', 57e6, [{ rung: 'slimnet/1@32', thresholds: [null, null, null, null] }]),
  point('cheap', 1.3e6, first('slimnet/0.5@24')),
];

let served: TestGateway;
afterEach(() => served.gateway.close());
const start = async (...policies: NamedPolicy[]) => {
  served = await startGateway({ policies: [full, ...policies], defaultPolicy: policies[0]!.name, lanes: 1 });
};
const metrics = async (name: string) => {
  const { text } = await request(served.app).get('/metrics');
  return Object.fromEntries(
    text
      .split('\n')
      .filter((line) => line.startsWith(name))
      .map((line) => [line.slice(name.length, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]),
  );
};
describe('a goal', () => {
  it('moves to a cheaper point while requests pile up, tells so, and moves back when they do not', async () => {
    await start(policy('guarded', { points }, { goal: { latency_p95_ms: 150 } }));
    const image = await jpeg();
    expect((await ask(served.app, image)).route.point).toBe('dear');
    const served_: (string | undefined)[] = [];
    const flood = Array.from({ length: 128 }, async () => {
      for (let i = 0; i < 6; i++) {
        const answer = await post(served.app, image);
        if (answer.status === 200) served_.push(answerOf(answer).route.point);
        else expectProblem(answer, 503, 'overloaded');
      }
    });
    await Promise.all(flood);
    expect(new Set(served_)).toEqual(new Set(['dear', 'cheap']));
    expect(served_.filter((name) => name === 'cheap').length).toBeGreaterThan(served_.length / 2);
    const { body } = await request(served.app).get('/v1/policies');
    expect(body.policies.find(({ name }: { name: string }) => name === 'guarded').points).toEqual({ cifar10: 'cheap' });
    const gauge = await metrics('sluice_operating_point');
    expect(gauge['{cascade="cifar10",policy="guarded",point="cheap"}']).toBe(1);
    expect(gauge['{cascade="cifar10",policy="guarded",point="dear"}']).toBe(0);
    await until('the dear point serves again', async () => {
      // Asked without a pause, the lane would be as busy as before.
      await setTimeout(50);
      return (await ask(served.app, image)).route.point === 'dear';
    });
  });

  it('does not move a policy without one', async () => {
    await start(policy('free', { points }));
    const image = await jpeg();
    const answers = await Promise.all(Array.from({ length: 64 }, () => ask(served.app, image)));
    expect(new Set(answers.map(({ route }) => route.point))).toEqual(new Set(['dear']));
  });

  it('is kept by refusing whom it cannot be kept for, where no cheaper point may serve', async () => {
    await start(policy('floored', { points, floor: 'dear' }, { goal: { latency_p95_ms: 5 } }));
    const image = await jpeg();
    // Until some answers have said how fast the lane is, nobody is refused for the time.
    for (let i = 0; i < 60; i++) await ask(served.app, image);
    const answers = await Promise.all(Array.from({ length: 100 }, () => post(served.app, image)));
    const answered = answers.filter(({ status }) => status === 200).map((answer) => answerOf(answer).route.point);
    expect(new Set(answered)).toEqual(new Set(['dear']));
    const refused = answers.filter(({ status }) => status !== 200);
    expect(refused.length).toBeGreaterThan(0);
    for (const answer of refused) {
      expectProblem(answer, 503, 'overloaded');
      expect(answer.body.detail).toMatch(/too long for the goal of its policy/);
    }
    const shed = await metrics('sluice_shed_total');
    expect(shed['{priority="interactive",reason="goal"}']).toBe(refused.length);
    // Nobody waits: nobody is refused.
    await ask(served.app, image);
  });

  it('refuses nobody where goals are not kept, as when a policy is evaluated', async () => {
    const one = policy('measured', { points, floor: 'dear' }, { goal: { latency_p95_ms: 5 } });
    served = await startGateway({ policies: [full, one], defaultPolicy: 'measured', lanes: 1, steers: false });
    const image = await jpeg();
    for (let i = 0; i < 60; i++) await ask(served.app, image);
    const answers = await Promise.all(Array.from({ length: 100 }, () => post(served.app, image)));
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
  });
});

describe('an experiment', () => {
  const canary = (share: number) => ({ canary: { policy: 'other', share, sticky_header: 'X-User' } });
  const rule = { route: first('slimnet/1@32') };

  it('gives each caller one of the two policies, always the same', async () => {
    await start(policy('main', rule, canary(0.4)), policy('other', rule));
    const image = await jpeg();
    const answered = async (user: string) => answerOf(await post(served.app, image).set('X-User', user)).policy;
    const users = Array.from({ length: 40 }, (_, i) => `user ${i}`);
    const once: string[] = [];
    for (const user of users) once.push(await answered(user));
    const again: string[] = [];
    for (const user of users) again.push(await answered(user));
    expect(again).toEqual(once);
    const share = once.filter((name) => name === 'other').length / users.length;
    expect(share).toBeGreaterThan(0.15);
    expect(share).toBeLessThan(0.65);
  });

  it('draws requests without that header one by one, and leaves the other policy alone', async () => {
    await start(policy('main', rule, canary(0.5)), policy('other', rule));
    const image = await jpeg();
    const answers: Answer[] = [];
    for (let i = 0; i < 40; i++) answers.push(await ask(served.app, image));
    expect(new Set(answers.map((answer) => answer.policy))).toEqual(new Set(['main', 'other']));
    for (let i = 0; i < 10; i++) expect((await ask(served.app, image, { policy: 'other' })).policy).toBe('other');
  });
});

describe('an audit', () => {
  const audits = async () => await metrics('sluice_audit_total');

  it('checks early exits with the full network, and counts who agrees by exit', async () => {
    // The full network's own path, left at its first exit.
    await start(policy('checked', { route: first(FULL.id) }, { audit: { share: 1 } }));
    const early = await ask(served.app, await jpeg());
    const whole = await ask(served.app, await jpeg(), { policy: 'full' });
    const agree = early.predictions[0]!.index === whole.predictions[0]!.index;
    const place = `backbone="${FULL.backbone}",width="${FULL.width}",resolution="${FULL.resolution}"`;
    const key = `{cascade="cifar10",policy="checked",${place},exit="1",agree="${agree}"}`;
    await until('it is counted', async () => (await audits())[key] === 1);
  });

  it('leaves answers of the last exit alone: there is nothing to check', async () => {
    await start(policy('last', { route: [{ rung: FULL.id, thresholds: never(FULL) }] }, { audit: { share: 1 } }));
    for (let i = 0; i < 5; i++) await ask(served.app, await jpeg());
    expect(await audits()).toEqual({});
  });

  it('turns to the full network when early exits keep disagreeing with it', async () => {
    const rule = { route: first('slimnet/0.5@24') };
    await start(policy('drifting', rule, { audit: { share: 1, min_agreement: 0.9 } }), policy('early', rule));
    const disagreeing = await pictureOfDisagreement();
    const early: string[] = [];
    await until('the full network serves', async () => {
      const { route } = await ask(served.app, disagreeing);
      early.push(route.reason);
      return route.reason === 'final';
    });
    expect(early.length).toBeGreaterThanOrEqual(50);
    expect(early.slice(0, -1).every((reason) => reason === 'confident')).toBe(true);
    const gauge = await metrics('sluice_operating_point');
    expect(gauge['{cascade="cifar10",policy="drifting",point="full"}']).toBe(1);
    const { route, policy: name } = await ask(served.app, disagreeing);
    const { backbone, width, resolution, stages } = FULL;
    expect(route).toMatchObject({ backbone, width, resolution, exit: stages.length });
    expect(name).toBe('full');
  });
});

/** A picture of which the first exit and the full network do not say the same. */
async function pictureOfDisagreement(): Promise<Buffer> {
  for (let at = 0; at < 144; at++) {
    const side = 40 + (at % 24);
    const image = await jpeg(side, side, 5 * at);
    const [early, whole] = await Promise.all([
      ask(served.app, image, { policy: 'early' }),
      ask(served.app, image, { policy: 'full' }),
    ]);
    if (early.predictions[0]!.index !== whole.predictions[0]!.index) return image;
  }
  throw new Error('the first exit agrees with the full network on every picture');
}
