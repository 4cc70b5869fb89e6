import { describe, expect, it } from 'vitest';
import { WaitingTime } from '../../src/gateway/waiting-time.js';
import { BATCH_TURN, type Priority } from '../../src/priority.js';

interface Arrival {
  readonly atMs: number;
  readonly plan: number;
  readonly priority: Priority;
}

/** Milliseconds that a lane needs for a picture of each plan. */
const COSTS = [2, 20];

/**
 * Lanes that take requests in turn, one at a time each, in simulated time.
 * @returns what each request was told at its arrival, and how long it then waited
 */
function simulate(arrivals: readonly Arrival[], lanes: number): { expectedMs: number; waitedMs: number }[] {
  const time = new WaitingTime();
  const free = Array.from({ length: lanes }, () => 0);
  const ends: { atMs: number; plan: number; priority: Priority }[] = [];
  // What a lane has been given it does without a pause.
  const busyAt = (ms: number) => free.filter((until) => until > ms).length;
  let now = 0;
  /** From one end or beginning of work to the next, because lanes become idle between two arrivals. */
  const advance = (toMs: number) => {
    const turns = free.filter((at) => at > now && at < toMs);
    for (const at of [...turns.sort((a, b) => a - b), toMs]) {
      time.advance(busyAt(now), at);
      now = at;
    }
  };
  const seen: { expectedMs: number; waitedMs: number }[] = [];
  time.advance(0, 0);
  for (const { atMs, plan, priority } of arrivals) {
    while (ends[0] !== undefined && ends[0].atMs <= atMs) {
      const end = ends.shift()!;
      advance(end.atMs);
      time.left(end.plan, end.priority);
      time.worked(end.plan, COSTS[end.plan]);
    }
    advance(atMs);
    const lane = free.indexOf(Math.min(...free));
    const from = Math.max(atMs, free[lane]!);
    const to = from + COSTS[plan]!;
    free[lane] = to;
    seen.push({ expectedMs: time.expectedMs(priority, lanes), waitedMs: from - atMs });
    time.entered(plan, priority);
    ends.push({ atMs: to, plan, priority });
    ends.sort((a, b) => a.atMs - b.atMs);
  }
  return seen;
}

/** So many a second, evenly, of these plans in turn. */
const steady = (perSecond: number, seconds: number, plans: readonly number[], fromMs = 0): Arrival[] =>
  Array.from({ length: perSecond * seconds }, (_, i) => ({
    atMs: fromMs + Math.round((i * 1000) / perSecond),
    plan: plans[i % plans.length]!,
    priority: 'interactive',
  }));

describe('the expected waiting time', () => {
  it('is nothing before anything is known, and nothing where nobody is before', () => {
    const time = new WaitingTime();
    for (let i = 0; i < 500; i++) time.entered(0, 'interactive');
    expect(time.expectedMs('interactive', 2)).toBe(0);
    const idle = simulate(steady(20, 3, [0]), 2);
    expect(Math.max(...idle.map(({ expectedMs }) => expectedMs))).toBe(0);
  });

  it('is what one then waits, under twice the load that the lanes can take', () => {
    const seen = simulate(steady(2000, 3, [0]), 2).slice(200);
    for (const { expectedMs, waitedMs } of seen)
      expect(Math.abs(expectedMs - waitedMs)).toBeLessThan(0.1 * waitedMs + 10);
    expect(seen.at(-1)!.waitedMs).toBeGreaterThan(1000);
  });

  it('tells the dear plans in a line from the cheap ones', () => {
    // A calm time with few dear ones; then cheap ones alone; then dear ones alone: each is a crowd of its own.
    const calm = steady(50, 4, [0, 0, 0, 1]);
    const crowd = (plan: number, fromMs: number) => steady(1000, 1, [plan], fromMs);
    const cheap = simulate([...calm, ...crowd(0, 5000)], 2).slice(calm.length);
    const dear = simulate([...calm, ...crowd(1, 5000)], 2).slice(calm.length);
    for (const { expectedMs, waitedMs } of [...cheap, ...dear])
      expect(Math.abs(expectedMs - waitedMs)).toBeLessThan(0.35 * waitedMs + 15);
    expect(dear.at(-1)!.expectedMs).toBeGreaterThan(5 * cheap.at(-1)!.expectedMs);
  });

  it('does not take a quiet hour for a slow gateway', () => {
    const quiet = steady(10, 60, [0]);
    const burst = steady(1000, 1, [0], 3_600_000);
    const seen = simulate([...quiet, ...burst], 2).slice(quiet.length);
    for (const { expectedMs } of seen) expect(expectedMs).toBeLessThan(20);
  });

  it('follows lanes that come and go, and counts one while there is none', () => {
    const time = new WaitingTime();
    time.advance(0, 0);
    for (let at = 10; at <= 1000; at += 10) {
      time.advance(1, at);
      time.worked(0, 10);
    }
    for (let i = 0; i < 100; i++) time.entered(0, 'interactive');
    expect(time.expectedMs('interactive', 1)).toBeCloseTo(1000, -1);
    expect(time.expectedMs('interactive', 4)).toBeCloseTo(250, -1);
    expect(time.expectedMs('interactive', 0)).toBeCloseTo(1000, -1);
  });

  it('is for batch that of all, and for interactive that of its own and of the turns of batch', () => {
    const time = new WaitingTime();
    time.advance(0, 0);
    for (let at = 10; at <= 1000; at += 10) {
      time.advance(1, at);
      time.worked(0, 10);
    }
    for (let i = 0; i < 1000; i++) time.entered(0, 'batch');
    expect(time.expectedMs('interactive', 1)).toBe(0);
    for (let i = 0; i < 90; i++) time.entered(0, 'interactive');
    expect(time.expectedMs('interactive', 1)).toBeCloseTo((900 * BATCH_TURN) / (BATCH_TURN - 1), -1);
    expect(time.expectedMs('batch', 1)).toBeCloseTo(10_900, -2);
    for (let i = 0; i < 1000; i++) time.left(0, 'batch');
    expect(time.expectedMs('interactive', 1)).toBeCloseTo(900, -1);
  });

  it('counts what was done for callers who gave up: it does not make the lanes look slow', () => {
    const time = new WaitingTime();
    time.advance(0, 0);
    for (let at = 20; at <= 20_000; at += 20) {
      time.advance(1, at);
      if (at % 80 === 0) time.worked(0, 20);
      else time.spent(20);
    }
    for (let i = 0; i < 30; i++) time.entered(0, 'interactive');
    expect(time.expectedMs('interactive', 1)).toBeCloseTo(600, -1);
  });

  it('takes pictures that fail for work that was done: a stream of them does not make the lanes look stuck', () => {
    const time = new WaitingTime();
    time.advance(0, 0);
    for (let at = 10; at <= 500; at += 10) {
      time.advance(1, at);
      time.worked(0, 10);
    }
    for (let at = 510; at <= 20_000; at += 10) {
      time.advance(1, at);
      time.worked(0);
    }
    for (let i = 0; i < 10; i++) time.entered(0, 'interactive');
    expect(time.expectedMs('interactive', 1)).toBeCloseTo(100, -1);
  });
});
