/** Many simulations: one gateway with more and more lanes, and many gateways behind each balancer. */

import { type Arrivals, arrivalTimes } from './arrivals.js';
import { BALANCERS, type Balancer } from './balancer.js';
import { type Reach, reachOf } from './breaks.js';
import { idealPerSecond, type Profile } from './profile.js';
import { Random } from './random.js';
import { type Simulated, type Site, simulate } from './run.js';

/** Of what the cores could do at the most. */
export const LOADS = [0.3, 0.5, 0.7, 0.8, 0.9, 1] as const;
/** That tables are read at. */
export const TYPICAL_LOAD = 0.7;
/** A burst is of three times as many. */
export const BURST_LOAD = 0.5;
/** Requests a gateway, at the least: a burst has to meet each. */
const LEAST_REQUESTS = 1000;

export interface SweepOptions {
  readonly requests: number;
  readonly seed: number;
  readonly said: (line: string) => void;
}

export interface LoadRow extends Simulated {
  readonly arrivals: Arrivals;
  readonly load: number;
}

export interface LaneSweep extends Reach {
  readonly lanes: number;
  /** Images a second that the cores could do at the most. */
  readonly ideal: number;
  readonly rows: readonly LoadRow[];
  /** Gateway, lanes, and the most pictures that it held at any load. */
  readonly memoryMb: number;
}

/** One gateway on as many cores as lanes, which is what `sluice serve` does. */
export function sweepLanes(
  profile: Profile,
  lanes: number,
  goalMs: number,
  { requests, seed, said }: SweepOptions,
): LaneSweep {
  const ideal = idealPerSecond(profile, lanes);
  const at = (load: number, arrivals: Arrivals) => {
    const times = arrivalTimes(new Random(seed), arrivals, load * ideal, requests);
    return simulate(profile, oneGateway(lanes), { kind: 'open', times }, seed);
  };
  const rows = [
    ...LOADS.map((load) => ({ arrivals: 'poisson' as const, load })),
    { arrivals: 'bursts' as const, load: BURST_LOAD },
  ].map((row) => ({ ...row, ...at(row.load, row.arrivals) }));
  const reach = reachOf((load) => at(load, 'poisson'), goalMs);
  const { memoryMb } = profile;
  const heldMb = Math.max(...rows.map(({ mostHeldMb }) => mostHeldMb));
  said(`simulated: ${lanes} lanes`);
  return { lanes, ideal, rows, ...reach, memoryMb: memoryMb.gateway + lanes * memoryMb.lane + heldMb };
}

/** p95 of one gateway with so many lanes when there is hardly anybody. */
export function lightP95(profile: Profile, lanes: number, { requests, seed }: SweepOptions): number {
  const times = arrivalTimes(new Random(seed), 'poisson', 0.1 * idealPerSecond(profile, lanes), requests);
  return simulate(profile, oneGateway(lanes), { kind: 'open', times }, seed).p95;
}

function oneGateway(lanes: number): Site {
  return { gateways: 1, balancer: 'random', lanes, cores: lanes };
}

export interface GatewaySweep {
  readonly gateways: number;
  readonly lanes: number;
  readonly arrivals: Arrivals;
  readonly load: number;
  readonly offered: number;
  readonly balanced: readonly (Simulated & { readonly balancer: Balancer })[];
  /** One gateway that has as many lanes as all of them. */
  readonly one: Simulated;
}

/** Gateways with so many lanes and cores each. */
export function sweepGateways(
  profile: Profile,
  gateways: number,
  lanes: number,
  { requests, seed, said }: SweepOptions,
): GatewaySweep[] {
  const cases = [
    { arrivals: 'poisson', load: TYPICAL_LOAD },
    { arrivals: 'poisson', load: 0.9 },
    { arrivals: 'bursts', load: BURST_LOAD },
  ] as const;
  const sweeps = cases.map(({ arrivals, load }) => {
    const offered = load * gateways * idealPerSecond(profile, lanes);
    const times = arrivalTimes(new Random(seed), arrivals, offered, Math.max(requests, LEAST_REQUESTS * gateways));
    const open = { kind: 'open', times } as const;
    const balanced = BALANCERS.map((balancer) => ({
      balancer,
      ...simulate(profile, { gateways, balancer, lanes, cores: lanes }, open, seed),
    }));
    const one = simulate(profile, oneGateway(gateways * lanes), open, seed);
    return { gateways, lanes, arrivals, load, offered, balanced, one };
  });
  said(`simulated: ${gateways} gateways`);
  return sweeps;
}
