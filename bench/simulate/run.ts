/** One simulation: gateways behind a balancer, and callers. */

import type { ShedReason } from '../../src/gateway/admission.js';
import { type Balancer, balance } from './balancer.js';
import { Clock } from './clock.js';
import { type Machine, type Outcome, SimulatedGateway } from './gateway.js';
import type { Profile, ProfilePicture } from './profile.js';
import { Random } from './random.js';
import { Threads } from './threads.js';

export interface Site extends Machine {
  /** Each on a machine of its own. */
  readonly gateways: number;
  readonly balancer: Balancer;
  /** Processor time that a caller takes of the first machine for each request, milliseconds: where a benchmark stands there too. */
  readonly callerMs?: number;
}

/** Requests at their times, whether or not others have been answered. */
export interface OpenLoad {
  readonly kind: 'open';
  /** Milliseconds, ascending. */
  readonly times: readonly number[];
  /** Pictures in turn, as the load generators of the benchmarks send them; default: drawn, as callers send them. */
  readonly inTurn?: boolean;
}

/** Callers that ask again when they have an answer. */
export interface ClosedLoad {
  readonly kind: 'closed';
  readonly callers: number;
  readonly seconds: number;
}

export interface Simulated {
  /** Answers a second. */
  readonly perSecond: number;
  /** Share of the requests. */
  readonly refused: number;
  readonly reasons: Readonly<Partial<Record<ShedReason, number>>>;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  /** Pictures in a run. */
  readonly meanBatch: number;
  /** Shares of the time: the busiest event loop, all lanes, all cores (work, not waiting for a core). */
  readonly loopBusy: number;
  readonly laneBusy: number;
  readonly coresBusy: number;
  /** Mean of what autoscalers go by, over time and gateways. */
  readonly saturation: number;
  /** Of any gateway. */
  readonly mostQueued: number;
  readonly mostHeldMb: number;
}

/** Requests of this share of the run come before the measurement: queues have to fill, and rates to become known. */
const WARM_SHARE = 0.2;

export function simulate(profile: Profile, site: Site, load: OpenLoad | ClosedLoad, seed: number): Simulated {
  const clock = new Clock();
  const random = new Random(seed);
  // Of its own: the same callers come to every balancer.
  const drawn = new Random(seed + 1);
  const runs = { count: 0, pictures: 0 };
  const ran = (pictures: number) => {
    runs.count++;
    runs.pictures += pictures;
  };
  const gateways = Array.from({ length: site.gateways }, () => new SimulatedGateway(clock, site, profile, ran));
  const choose = balance(site.balancer, random);
  const { callerMs = 0 } = site;
  const caller = new Threads(clock, gateways[0]!.cores);
  const half = (done: () => void) => (callerMs === 0 ? done() : caller.run(() => callerMs / 2, done));
  const endMs = load.kind === 'open' ? (load.times.at(-1) ?? 0) : 1000 * load.seconds;
  const fromMs = WARM_SHARE * endMs;
  const tally = new Tally(fromMs, endMs);

  const ask = (at: number, picture: ProfilePicture, then: () => void) =>
    half(() => {
      const gateway = gateways[choose(gateways.map(({ outstanding }) => outstanding))]!;
      gateway.request(picture, (outcome) =>
        half(() => {
          tally.count(outcome, at, clock.nowMs);
          then();
        }),
      );
    });
  const nothing = () => {};
  if (load.kind === 'open') {
    const next = (index: number) => {
      const at = load.times[index];
      if (at === undefined) return;
      const { length } = profile.pictures;
      const picture = profile.pictures[load.inTurn === true ? index % length : drawn.below(length)]!;
      clock.at(at, () => {
        next(index + 1);
        ask(at, picture, nothing);
      });
    };
    next(0);
  } else {
    let asked = 0;
    const again = () => {
      if (clock.nowMs >= endMs) return;
      ask(clock.nowMs, profile.pictures[asked++ % profile.pictures.length]!, again);
    };
    for (let each = 0; each < load.callers; each++) again();
  }

  clock.run(fromMs);
  const busyOf = () => ({
    loops: gateways.map(({ loopBusyMs }) => loopBusyMs),
    lanes: gateways.reduce((sum, { laneBusyMs }) => sum + laneBusyMs, 0),
    saturated: gateways.reduce((sum, { saturatedMs }) => sum + saturatedMs, 0),
    work: gateways.reduce((sum, { cores }) => sum + cores.workMs, 0),
  });
  const before = busyOf();
  clock.run(endMs);
  const after = busyOf();
  clock.run();
  const ms = Math.max(1, endMs - fromMs);
  const all = site.gateways * ms;
  return {
    ...tally.result(),
    meanBatch: runs.pictures / Math.max(1, runs.count),
    loopBusy: Math.max(...after.loops.map((each, at) => (each - before.loops[at]!) / ms)),
    laneBusy: (after.lanes - before.lanes) / (all * site.lanes),
    coresBusy: (after.work - before.work) / (all * site.cores),
    saturation: (after.saturated - before.saturated) / all,
    mostQueued: Math.max(...gateways.map(({ mostQueued }) => mostQueued)),
    mostHeldMb: Math.max(...gateways.map(({ mostHeldBytes }) => mostHeldBytes)) / 1e6,
  };
}

/** What became of the requests that came in a stretch of time. */
class Tally {
  readonly #fromMs: number;
  readonly #toMs: number;
  readonly #millis: number[] = [];
  readonly #reasons: Partial<Record<ShedReason, number>> = {};
  #requests = 0;
  /** That came within the stretch, whenever they were asked for. */
  #answers = 0;

  constructor(fromMs: number, toMs: number) {
    this.#fromMs = fromMs;
    this.#toMs = toMs;
  }

  count(outcome: Outcome, atMs: number, nowMs: number): void {
    const isWithin = (ms: number) => ms >= this.#fromMs && ms <= this.#toMs;
    if (outcome === 'answered' && isWithin(nowMs)) this.#answers++;
    if (!isWithin(atMs)) return;
    this.#requests++;
    if (outcome === 'answered') this.#millis.push(nowMs - atMs);
    else this.#reasons[outcome] = (this.#reasons[outcome] ?? 0) + 1;
  }

  result() {
    const sorted = this.#millis.sort((a, b) => a - b);
    const at = (share: number) => sorted[Math.floor(share * (sorted.length - 1))] ?? Number.NaN;
    return {
      perSecond: (1000 * this.#answers) / Math.max(1, this.#toMs - this.#fromMs),
      refused: 1 - sorted.length / Math.max(1, this.#requests),
      reasons: this.#reasons,
      p50: at(0.5),
      p95: at(0.95),
      p99: at(0.99),
    };
  }
}
