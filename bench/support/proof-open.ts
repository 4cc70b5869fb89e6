/** Latency at a part of the load that a policy could take: open loop, Poisson arrivals, policies and loads in turn round by round. */

import { Child } from './child.js';
import { type Outcome, outcomeOf, pathOf } from './flood.js';
import type { GatewayProcess } from './gateway.js';
import type { OpenLoadRequest, Sent } from './open-load.js';

export const LOADS = [0.3, 0.5, 0.7, 0.9];
/** Sent before the measured stretch, at the same rate. */
const WARM_SECONDS = 1;
/** In a stretch: of fewer answers the 99th percentile is a handful. */
const LEAST_SENT = 1000;

export interface OpenRuns {
  readonly policy: string;
  /** Share of the policy's own saturation. */
  readonly load: number;
  readonly perSecond: number;
  /** A round each. */
  readonly outcomes: readonly Outcome[];
}

export interface OpenPlan {
  readonly cascade: string;
  readonly pictures: readonly Uint8Array[];
  /** Images a second at saturation, by policy. */
  readonly saturation: ReadonlyMap<string, number>;
  readonly rounds: number;
  /** Of each stretch, at the least. */
  readonly seconds: number;
  readonly say: (line: string) => void;
}

export async function openLoop(gateway: GatewayProcess, plan: OpenPlan): Promise<OpenRuns[]> {
  const { cascade, pictures, saturation, rounds, seconds } = plan;
  const runs = [...saturation].flatMap(([policy, most]) =>
    LOADS.map((load) => ({ policy, load, perSecond: load * most, outcomes: [] as Outcome[] })),
  );
  using load = new Child<OpenLoadRequest, readonly Sent[]>('./open-load.ts');
  for (let round = 1; round <= rounds; round++) {
    for (const { policy, perSecond, outcomes } of runs) {
      const measuredSeconds = Math.max(seconds, LEAST_SENT / perSecond);
      const sent = await load.ask({
        host: '127.0.0.1',
        port: gateway.port,
        path: pathOf({ cascade, policy }),
        connections: 256,
        pictures,
        phases: [
          { seconds: WARM_SECONDS, perSecond },
          { seconds: measuredSeconds, perSecond },
        ],
        poissonSeed: round,
      });
      outcomes.push(outcomeOf(sent, WARM_SECONDS * 1000, measuredSeconds * 1000));
    }
    plan.say(`round ${round} of ${rounds} at a part of the load`);
  }
  return runs;
}
