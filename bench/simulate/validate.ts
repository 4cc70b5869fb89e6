/**
 * Holds the simulation against the gateway that its profile came from: the same pictures at the same times, sent to both. The sender
 * shares the machine, so the simulated machine has it too.
 */

import { Child } from '../support/child.js';
import { cpuSeconds } from '../support/machine.js';
import type { OpenLoadRequest, Sent } from '../support/open-load.js';
import { type Spread, spread } from '../support/stats.js';
import { arrivalTimes } from './arrivals.js';
import type { Measured, Subject } from './measure.js';
import { Random } from './random.js';
import { type Simulated, type Site, simulate } from './run.js';

/** Of the times at which requests are sent: before it the measurement is of queues that still fill. */
const WARM_SHARE = 0.2;

export interface Quantiles {
  readonly p50: number;
  readonly p95: number;
}

export interface Point {
  /** Share of what the gateway answered closed-loop. */
  readonly load: number;
  readonly perSecond: number;
  /** By round. */
  readonly measured: Quantiles[];
  readonly predicted: Quantiles[];
}

export interface Validation {
  /** Images a second, closed-loop with full lanes. */
  readonly capacity: { readonly measured: number; readonly predicted: number };
  readonly points: readonly Point[];
}

export async function validate(
  subject: Subject,
  { profile, saturated, connections }: Measured,
  loads: readonly number[],
  { rounds, cores }: { readonly rounds: number; readonly cores: number },
): Promise<Validation> {
  const { gateway, seconds } = subject;
  const site: Site = { gateways: 1, balancer: 'random', lanes: gateway.lanePids.length, cores };
  const closed = { kind: 'closed', callers: connections, seconds: 60 } as const;
  const full: Simulated = simulate(profile, { ...site, callerMs: saturated.cpu.generator }, closed, 1);
  const points: Point[] = loads.map((load) => ({
    load,
    perSecond: load * saturated.imagesPerSecond,
    measured: [],
    predicted: [],
  }));
  const callerMs = await callerCost(subject, loads[0]! * saturated.imagesPerSecond);
  for (let round = 1; round <= rounds; round++) {
    for (const { perSecond, measured, predicted } of points) {
      const random = new Random(round);
      const times = arrivalTimes(random, 'poisson', perSecond, Math.ceil(perSecond * seconds));
      measured.push(await measure(subject, times));
      const { p50, p95 } = simulate(profile, { ...site, callerMs }, { kind: 'open', times, inTurn: true }, round);
      predicted.push({ p50, p95 });
    }
    process.stderr.write(`validation: round ${round} of ${rounds}\n`);
  }
  return { capacity: { measured: saturated.imagesPerSecond, predicted: full.perSecond }, points };
}

async function measure(subject: Subject, times: readonly number[]): Promise<Quantiles> {
  const sent = await send(subject, times);
  const fromMs = WARM_SHARE * (times.at(-1) ?? 0);
  // The same requests as the simulation counts; one that failed took for ever.
  const millis = sent
    .filter(({ atMs }) => atMs >= fromMs)
    .map(({ ms, status }) => (status === 200 ? ms : Number.POSITIVE_INFINITY))
    .sort((a, b) => a - b);
  const at = (share: number) => millis[Math.floor(share * (millis.length - 1))] ?? Number.NaN;
  return { p50: at(0.5), p95: at(0.95) };
}

/** Processor time of the sender for a request, milliseconds. */
async function callerCost(subject: Subject, perSecond: number): Promise<number> {
  const times = arrivalTimes(new Random(0), 'poisson', perSecond, Math.ceil(perSecond * subject.seconds));
  let cpuMs = 0;
  await send(subject, times, (pid) => {
    const before = cpuSeconds(pid);
    return () => {
      cpuMs = 1000 * (cpuSeconds(pid) - before);
    };
  });
  return cpuMs / times.length;
}

async function send(
  { gateway, cascade, policy, pictures }: Subject,
  times: readonly number[],
  watch: (pid: number) => () => void = () => () => {},
): Promise<readonly Sent[]> {
  using load = new Child<OpenLoadRequest, readonly Sent[]>('./open-load.ts');
  const path = `/v1/classify?cascade=${cascade}&policy=${policy}`;
  const stop = watch(load.pid);
  const target = { host: '127.0.0.1', port: gateway.port, path };
  const sent = await load.ask({ ...target, pictures, times });
  stop();
  return sent;
}

/** Over the rounds; errors as shares of what was measured. */
export function judgedPoint({ load, perSecond, measured, predicted }: Point) {
  const of = (all: readonly Quantiles[], key: keyof Quantiles) => spread(all.map((each) => each[key]));
  const error = (key: keyof Quantiles): Spread =>
    spread(predicted.map((each, round) => each[key] / measured[round]![key] - 1));
  return {
    load,
    per_second: perSecond,
    measured_p50_ms: of(measured, 'p50'),
    predicted_p50_ms: of(predicted, 'p50'),
    error_p50: error('p50'),
    measured_p95_ms: of(measured, 'p95'),
    predicted_p95_ms: of(predicted, 'p95'),
    error_p95: error('p95'),
  };
}
