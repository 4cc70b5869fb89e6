import { describe, expect, it } from 'vitest';
import { arrivalTimes } from '../../bench/simulate/arrivals.js';
import { BALANCERS, balance } from '../../bench/simulate/balancer.js';
import { limitOf, reachOf } from '../../bench/simulate/breaks.js';
import { Clock } from '../../bench/simulate/clock.js';
import { Cores } from '../../bench/simulate/cores.js';
import { SimulatedGateway } from '../../bench/simulate/gateway.js';
import { idealPerSecond, type Profile, runMs } from '../../bench/simulate/profile.js';
import { Random } from '../../bench/simulate/random.js';
import { type Simulated, simulate } from '../../bench/simulate/run.js';
import { Threads } from '../../bench/simulate/threads.js';

/** Mean time from arrival to the end of the work, in units of the mean work. */
function meanStay(
  station: (clock: Clock) => (workMs: number, done: () => void) => void,
  load: number,
  workOf: (random: Random) => number,
) {
  const clock = new Clock();
  const random = new Random(7);
  const enter = station(clock);
  const count = 100_000;
  let sum = 0;
  let at = 0;
  for (let i = 0; i < count; i++) {
    at += random.exponential(1 / load);
    const from = at;
    const work = workOf(random);
    clock.at(from, () =>
      enter(work, () => {
        sum += clock.nowMs - from;
      }),
    );
  }
  clock.run();
  return sum / count;
}

const oneThread = (clock: Clock) => {
  const threads = new Threads(clock, new Cores(clock, 1));
  return (workMs: number, done: () => void) => threads.run(() => workMs, done);
};
const shared = (cores: number) => (clock: Clock) => {
  const machine = new Cores(clock, cores);
  return (workMs: number, done: () => void) => machine.run(workMs, done);
};
const exponential = (random: Random) => random.exponential(1);
const always = () => 1;

describe('what the simulation is made of', () => {
  it.each([0.3, 0.5, 0.8])('one thread with random work waits as M/M/1 at load %f: load / (1 - load)', (load) => {
    const waits = meanStay(oneThread, load, exponential) - 1;
    expect(waits / (load / (1 - load))).toBeCloseTo(1, 1);
  });

  it.each([0.3, 0.5, 0.8])('one thread with even work waits as M/D/1 at load %f: half of that', (load) => {
    const waits = meanStay(oneThread, load, always) - 1;
    expect(waits / (load / (2 * (1 - load)))).toBeCloseTo(1, 1);
  });

  it('a shared core keeps work for 1 / (1 - load), whatever its distribution', () => {
    expect(meanStay(shared(1), 0.6, always) / 2.5).toBeCloseTo(1, 1);
    expect(meanStay(shared(1), 0.6, exponential) / 2.5).toBeCloseTo(1, 1);
  });

  it('two shared cores keep random work as M/M/2: 1 / (1 - load²)', () => {
    expect((meanStay(shared(2), 2 * 0.7, exponential) * (1 - 0.7 ** 2)) / 1).toBeCloseTo(1, 1);
  });

  it('shares one core between two runs, and slows both where both cores are busy', () => {
    const ends = (cores: number, contention: number) => {
      const clock = new Clock();
      const machine = new Cores(clock, cores, contention);
      const at: number[] = [];
      clock.at(0, () => machine.run(4, () => at.push(clock.nowMs)));
      clock.at(2, () => machine.run(4, () => at.push(clock.nowMs)));
      clock.run();
      return at;
    };
    // Alone to 2, together to 6, the rest alone.
    expect(ends(1, 1)).toEqual([6, 8]);
    expect(ends(2, 1)).toEqual([4, 6]);
    // Together at half speed: the first has 2 left at 2, and is done at 6; the second has 2 left then, alone.
    expect(ends(2, 2)).toEqual([6, 8]);
  });
});

const stage = (batch: number, ...ms: number[]) => ({
  batch,
  ms: ms.map((each, at): [number, number] => [2 ** at, each]),
});
const picture = (...stages: number[]) => ({
  bytes: 1000,
  decodeMs: 3,
  inline: false,
  path: stages.map((each) => ({ rung: 0, stage: each })),
});
const profile = (stages: Profile['rungs'][number]['stages'], ...pictures: Profile['pictures']): Profile => ({
  cascade: 'c',
  policy: 'p',
  rungs: [{ id: 'a/1@32', stages }],
  pictures,
  gatewayMs: 2,
  laneMs: 1,
  contention: 1,
  memoryMb: { gateway: 80, lane: 200 },
});
const site = { gateways: 1, balancer: 'random', lanes: 1, cores: 8 } as const;

/** When requests that come at these times are answered. */
function answers(of: Profile, times: readonly number[], lanes = 1) {
  const clock = new Clock();
  const runs: number[] = [];
  const gateway = new SimulatedGateway(clock, { lanes, cores: 8 }, of, (pictures) => runs.push(pictures));
  const at: number[] = [];
  for (const [index, ms] of times.entries())
    clock.at(ms, () => gateway.request(of.pictures[index % of.pictures.length]!, () => at.push(clock.nowMs)));
  clock.run();
  return { at, runs };
}

describe('a simulated gateway', () => {
  it('takes for one picture what its parts take', () => {
    // Read 1, taken in 1, decoded 3, run 4 and 5, answered 1.
    expect(answers(profile([stage(1, 4), stage(1, 5)], picture(0, 1)), [0]).at).toEqual([15]);
  });

  it('runs the deepest stage first', () => {
    // The first is run at 5 and 9, to 14. The second waits from 6 to then: the first's next stage goes before it.
    expect(answers(profile([stage(1, 4), stage(1, 5)], picture(0, 1)), [0, 1.5]).at).toEqual([15, 24]);
    expect(answers(profile([stage(1, 4), stage(1, 5)], picture(0, 1)), [0, 1.5], 2).at).toEqual([15, 16.5]);
  });

  it('runs those together that wait together', () => {
    // The first is run alone from 5 to 9, the two others together from then to 15.
    const { at, runs } = answers(profile([stage(2, 4, 6)], picture(0)), [0, 1.5, 2.5]);
    expect(runs).toEqual([1, 2]);
    expect(at).toEqual([10, 16, 17]);
  });

  it('reads runs between those that were measured off a line', () => {
    const measured = stage(8, 4, 6, 10);
    expect([1, 2, 3, 4, 8].map((pictures) => runMs(measured, pictures))).toEqual([4, 6, 8, 10, 18]);
  });
});

describe('a simulation', () => {
  const quick = profile([stage(4, 4, 6, 10)], picture(0), { ...picture(0), decodeMs: 1 });
  const open = (perSecond: number) => ({
    kind: 'open' as const,
    times: arrivalTimes(new Random(3), 'poisson', perSecond, 6000),
  });

  it('is the same with the same seed', () => {
    const behind = { ...site, gateways: 3 };
    expect(simulate(quick, behind, open(300), 1)).toEqual(simulate(quick, behind, open(300), 1));
    expect(simulate(quick, behind, open(300), 2).p99).not.toBe(simulate(quick, behind, open(300), 1).p99);
  });

  it('answers all that it can do, and no more than the ideal', () => {
    const ideal = idealPerSecond(quick, 2);
    const small = { ...site, lanes: 2, cores: 2 };
    const light = simulate(quick, small, open(0.5 * ideal), 1);
    expect(light.refused).toBe(0);
    expect(light.perSecond / (0.5 * ideal)).toBeCloseTo(1, 1);
    expect(light.saturation).toBeLessThan(1);
    // A thread that is busy has a picture, and one that waits for its decode or its answer has one, too.
    expect(light.saturation).toBeGreaterThan(light.laneBusy);
    const flood = simulate(quick, small, open(2 * ideal), 1);
    expect(flood.perSecond).toBeLessThanOrEqual(ideal);
    expect(flood.perSecond).toBeGreaterThan(0.8 * ideal);
    expect(Object.keys(flood.reasons)).toEqual(['wait']);
    expect(flood.saturation).toBeCloseTo(1, 1);
    const closed = simulate(quick, small, { kind: 'closed', callers: 32, seconds: 60 }, 1);
    expect(closed.perSecond).toBeGreaterThan(0.8 * ideal);
  });

  it('is bounded by the event loop where lanes are many', () => {
    const many = simulate(quick, { ...site, lanes: 64, cores: 80 }, open(1000), 1);
    expect(many.perSecond).toBeLessThan(1000 / quick.gatewayMs);
    expect(many.loopBusy).toBeGreaterThan(0.95);
  });
});

describe('arrivals', () => {
  it('come in bursts at the same mean rate', () => {
    const times = arrivalTimes(new Random(1), 'bursts', 200, 50_000);
    expect(times.at(-1)! / 250_000).toBeCloseTo(1, 1);
    expect(times.every((each, at) => at === 0 || each >= times[at - 1]!)).toBe(true);
    expect(times.filter((ms) => ms % 5000 >= 4000).length / times.length).toBeCloseTo(0.6, 1);
  });
});

describe('a balancer', () => {
  it('sends each request where it says', () => {
    const outstanding = [3, 0, 2];
    const of = (balancer: (typeof BALANCERS)[number]) => {
      const choose = balance(balancer, new Random(1));
      return new Set(Array.from({ length: 200 }, () => choose(outstanding)));
    };
    expect(of('random').size).toBe(3);
    expect(of('round robin').size).toBe(3);
    // Of two different ones the worst is never the better.
    expect([...of('two choices')].sort()).toEqual([1, 2]);
    expect([...of('least outstanding')]).toEqual([1]);
  });

  it('that looks at the gateways keeps the tail shorter than one that does not', () => {
    const quick = profile([stage(1, 4)], picture(0));
    const times = arrivalTimes(new Random(3), 'poisson', 0.8 * 4 * 200, 8000);
    const p99 = BALANCERS.map(
      (balancer) => simulate(quick, { ...site, gateways: 4, balancer }, { kind: 'open', times }, 1).p99,
    );
    expect(p99[2]).toBeLessThan(p99[0]!);
    expect(p99[3]).toBeLessThan(p99[0]!);
  });
});

describe('what gives way first', () => {
  const calm: Simulated = {
    ...{ perSecond: 0, refused: 0, reasons: {}, p50: 5, p95: 10, p99: 20, meanBatch: 1 },
    ...{ loopBusy: 0.5, laneBusy: 0.5, coresBusy: 0.5, saturation: 0.5, mostQueued: 0, mostHeldMb: 0 },
  };

  it('is found just above the highest load that is held', () => {
    const at = (load: number) => (load <= 0.63 ? { ...calm, perSecond: load } : { ...calm, p95: 500, coresBusy: 0.97 });
    const { load, held, limit } = reachOf(at, 100);
    expect(load).toBeCloseTo(0.63, 1);
    expect(held?.perSecond).toBe(load);
    expect(limit).toBe('cores');
  });

  it('is nothing that is held where even the least is too much', () => {
    expect(reachOf(() => ({ ...calm, refused: 0.5, loopBusy: 1 }), 100)).toMatchObject({
      held: undefined,
      limit: 'event loop',
    });
  });

  it('is told by what was full, and by why requests were refused', () => {
    expect(limitOf({ ...calm, reasons: { bytes: 1 }, coresBusy: 1 })).toBe('bytes held');
    expect(limitOf({ ...calm, reasons: { queue: 2, wait: 1 } })).toBe('queue');
    expect(limitOf(calm)).toBe('waiting');
  });
});
