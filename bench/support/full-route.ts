/** The full route of a cascade (last rung, every stage) as the bare loops run it, and the gateway's measured facts about it. */

import { loadRepository } from '../../src/cascade/loader.js';
import { type GatewayProcess, ROOT } from './gateway.js';
import type { LimitRequest } from './limit.js';

export interface FullRoute {
  readonly cascade: string;
  readonly rung: string;
  /** Best batch size of each stage, as the gateway measured it. */
  readonly batches: readonly number[];
  readonly work: Pick<LimitRequest, 'stages' | 'input'>;
}

interface CascadesBody {
  readonly cascades: readonly {
    readonly name: string;
    readonly default: boolean;
    readonly rungs: readonly { readonly id: string; readonly exits: readonly { readonly batch: number }[] }[];
  }[];
}

/** @param wanted name of the cascade; undefined: the gateway's default */
export async function fullRoute(gateway: GatewayProcess, wanted: string | undefined): Promise<FullRoute> {
  const { cascades } = await gateway.get<CascadesBody>('/v1/cascades');
  const served = cascades.find((one) => (wanted === undefined ? one.default : one.name === wanted));
  if (served === undefined)
    throw new RangeError(`--cascade: the gateway serves ${cascades.map(({ name }) => name).join(', ')}`);
  const repository = await loadRepository(`${ROOT}models`);
  const cascade = repository.cascades.find(({ name }) => name === served.name)!;
  const rung = cascade.rungs.at(-1)!;
  return {
    cascade: served.name,
    rung: rung.id,
    batches: served.rungs.at(-1)!.exits.map(({ batch }) => batch),
    work: {
      stages: rung.stages.map(({ file, inputs, logits, features }) => ({
        file,
        inputs,
        outputs: [logits, ...features],
      })),
      input: { tensor: cascade.input.tensor, layout: cascade.input.layout, resolution: rung.resolution },
    },
  };
}
