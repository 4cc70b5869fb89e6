import { afterEach, describe, expect, it, vi } from 'vitest';
import { type Drift, type Move, Steering } from '../../src/gateway/steering.js';
import type { JobAnswer } from '../../src/lane/messages.js';
import type { Service } from '../../src/policy/service.js';
import { somePlan } from '../support/plan.js';

const legs = [{ rung: 0, thresholds: [null], reach: 1 }];
const points = ['dear', 'middle', 'cheap'].map((point, at) =>
  somePlan(legs, { point, expected: { macs: 100 / 2 ** at, agreement: 1 - at / 100 } }),
);
const service = (more: Partial<Service> = {}): Service => ({ cascade: 'c', policy: 'p', points, floor: 2, ...more });
const answer = (macs: number) => ({ decodeMs: 1, inferenceMs: (9 * macs) / 100 }) as JobAnswer;
const idle = () => ({ outstanding: 0, lanes: 2 });
const crowd = () => ({ outstanding: 1000, lanes: 2 });

/** Requests for a while, each answered at once. */
function traffic(
  steering: Steering,
  of: Service,
  around: typeof idle,
  from: number,
  ms: number,
): (string | undefined)[] {
  const chosen: (string | undefined)[] = [];
  for (let now = from; now < from + ms; now += 10) {
    const plan = of.points[steering.choose(of, around, now)];
    chosen.push(plan?.point);
    const macs = plan?.expected?.macs ?? 100;
    steering.answered(of, answer(macs), macs, now);
  }
  return [...new Set(chosen)];
}

describe('a service with a goal', () => {
  const goal = { latency_p95_ms: 100 };
  it('goes to cheaper points when requests pile up, and back when they do not; each move is told', () => {
    const moves: Move[] = [];
    const steering = new Steering({ moved: (move) => moves.push(move) });
    const of = service({ goal });
    expect(traffic(steering, of, idle, 10_000, 1000)).toEqual(['dear']);
    expect(traffic(steering, of, crowd, 11_000, 1000).at(-1)).toBe('cheap');
    expect(steering.current(of)).toBe(2);
    expect(traffic(steering, of, idle, 12_000, 9000).at(-1)).toBe('dear');
    expect(moves[0]).toMatchObject({ cascade: 'c', policy: 'p', from: 'dear' });
    expect(moves.slice(-2).map(({ from, to }) => `${from} ${to}`)).toEqual(['cheap middle', 'middle dear']);
  });

  it('never goes below its floor', () => {
    const of = service({ goal, floor: 1 });
    expect(traffic(new Steering(), of, crowd, 10_000, 3000)).toEqual(['dear', 'middle']);
  });

  it('stays at its first point without a goal', () => {
    expect(traffic(new Steering(), service(), crowd, 10_000, 3000)).toEqual(['dear']);
  });

  describe('when somebody sets the clock back', () => {
    afterEach(() => {
      vi.restoreAllMocks();
      vi.useRealTimers();
    });

    it('goes on as before', () => {
      vi.useFakeTimers({ toFake: ['performance', 'Date'] });
      const steering = new Steering();
      const of = service({ goal });
      const now = (around: typeof idle) => {
        vi.advanceTimersByTime(100);
        const point = steering.choose(of, around);
        steering.answered(of, answer(100), 100);
        return point;
      };
      for (let i = 0; i < 20; i++) now(idle);
      vi.setSystemTime(Date.now() - 3_600_000);
      for (let i = 0; i < 20; i++) now(crowd);
      expect(now(crowd)).toBe(2);
    });
  });

  it('starts anew when its policy has changed', () => {
    const steering = new Steering();
    const of = service({ goal });
    traffic(steering, of, crowd, 10_000, 1000);
    const changed = service({ goal, points: points.map((plan) => ({ ...plan, version: '2' })) });
    steering.serve([changed]);
    expect(steering.choose(changed, idle, 11_000)).toBe(0);
  });
});

describe('a service with audits', () => {
  const audit = { share: 1, min_agreement: 0.9 };
  const audits = (steering: Steering, of: Service, point: number, count: number, agreed: boolean) => {
    for (let i = 0; i < count; i++) steering.audited(of, point, agreed);
  };

  it('turns to a dearer point when they agree too little, says so, and stays there', () => {
    const drifts: Drift[] = [];
    const steering = new Steering({ drifted: (drift) => drifts.push(drift) });
    const of = service({ audit, goal: { latency_p95_ms: 100 } });
    traffic(steering, of, crowd, 10_000, 1000);
    expect(steering.current(of)).toBe(2);
    expect(steering.cheapest(of)).toBe(2);
    audits(steering, of, 2, 60, false);
    expect(drifts).toEqual([
      expect.objectContaining({ from: 'cheap', to: 'middle', agreement: 0, promised: 0.9, checked: 50 }),
    ]);
    expect(traffic(steering, of, crowd, 11_000, 1000)).toEqual(['middle']);
  });

  it('serves the full network when even the dearest point agrees too little', () => {
    const drifts: Drift[] = [];
    const steering = new Steering({ drifted: (drift) => drifts.push(drift) });
    const of = service({ audit });
    audits(steering, of, 0, 50, false);
    expect(drifts.map(({ to }) => to)).toEqual(['full']);
    expect(steering.choose(of, idle, 10_000)).toBe(-1);
    expect(steering.current(of)).toBe(-1);
  });

  it('keeps its point while they agree, and when nothing was promised', () => {
    const steering = new Steering();
    const kept = service({ audit });
    audits(steering, kept, 0, 2000, true);
    expect(steering.choose(kept, idle, 10_000)).toBe(0);
    const silent = service({ policy: 'q', audit: { share: 1 } });
    audits(steering, silent, 0, 2000, false);
    expect(steering.choose(silent, idle, 10_000)).toBe(0);
  });

  it('does not count a late audit of a point that serves no more', () => {
    const steering = new Steering();
    const of = service({ audit });
    audits(steering, of, 1, 2000, false);
    expect(steering.choose(of, idle, 10_000)).toBe(0);
  });
});
