/** What one request at a time pays for the gateway: through it over HTTP, and the same decode and stages bare in one process. */

import { Child, LIKE_A_LANE } from './child.js';
import type { GatewayProcess } from './gateway.js';
import type { LoadAnswer, LoadRequest } from './load.js';
import type { PhotoLimitAnswer, PhotoLimitRequest } from './photo-limit.js';
import { spread } from './stats.js';

const POLICY = 'full';
/** The machine is not the same from minute to minute: so often they take turns. Each shows all of some 80 pictures in that time. */
const TURN_SECONDS = 2;

/** Milliseconds, one of each a round. */
export interface OverheadRuns {
  readonly bareP50: readonly number[];
  readonly sluiceP50: readonly number[];
}

export interface OverheadPlan {
  readonly cascade: string;
  readonly pictures: readonly Uint8Array[];
  readonly rounds: number;
  readonly seconds: number;
}

export async function overhead(gateway: GatewayProcess, plan: OverheadPlan): Promise<OverheadRuns> {
  const { cascade, pictures, rounds, seconds } = plan;
  using bare = new Child<PhotoLimitRequest, PhotoLimitAnswer>('./photo-limit.ts', LIKE_A_LANE);
  using load = new Child<LoadRequest, LoadAnswer>('./load.ts');
  const askBare = (length: number) => bare.ask({ cascade, pictures, batch: 1, ahead: false, seconds: length });
  const askSluice = (length: number) => {
    const path = `/v1/classify?cascade=${cascade}&policy=${POLICY}`;
    return load.ask({ host: '127.0.0.1', port: gateway.port, path, connections: 1, pictures, seconds: length });
  };
  await askBare(1);
  await askSluice(1);
  const runs = { bareP50: [] as number[], sluiceP50: [] as number[] };
  const turns = Math.max(1, Math.round(seconds / TURN_SECONDS));
  for (let round = 0; round < rounds; round++) {
    const turn = { bareP50: [] as number[], sluiceP50: [] as number[] };
    for (let i = 0; i < turns; i++) {
      turn.bareP50.push((await askBare(seconds / turns)).p50);
      turn.sluiceP50.push((await askSluice(seconds / turns)).p50);
    }
    runs.bareP50.push(spread(turn.bareP50).median);
    runs.sluiceP50.push(spread(turn.sluiceP50).median);
  }
  return runs;
}
