/**
 * Process: times the runs of some stages for growing batches, with the sessions of a lane (src/lane/session). To be started with the
 * environment of a lane, whose allocator is tuned for this.
 */

import { loadRepository } from '../../src/cascade/loader.js';
import { type LoadedCascade, loadSessions, walk } from '../../src/lane/loaded.js';
import { serve } from '../support/child.js';
import { spread } from '../support/stats.js';

export interface StageTimesRequest {
  /** Folder of cascades. */
  readonly models: string;
  readonly cascade: string;
  /** Indices of rungs, with the largest batch of each of their stages. */
  readonly rungs: readonly { readonly rung: number; readonly batches: readonly number[] }[];
  readonly repeats: number;
}

/** Pictures in the run, and the median of its times, milliseconds. */
export type StageTime = readonly [size: number, ms: number];

/** By rung of the request and stage, ascending from one picture. */
export type StageTimesAnswer = readonly (readonly (readonly StageTime[])[])[];

const known = new Map<string, Promise<LoadedCascade>>();

function loadedOf({ models, cascade }: StageTimesRequest): Promise<LoadedCascade> {
  let loaded = known.get(cascade);
  if (loaded === undefined) {
    loaded = loadRepository(models).then(({ cascades }) => {
      const one = cascades.find(({ name }) => name === cascade)!;
      return loadSessions(one, 1);
    });
    known.set(cascade, loaded);
  }
  return loaded;
}

/** 1, 2, 4 ... and the largest itself. */
function sizes(most: number): number[] {
  const doubled = Array.from({ length: Math.floor(Math.log2(most)) + 1 }, (_, power) => 2 ** power);
  return [...new Set([...doubled, most])];
}

serve(async (request: StageTimesRequest): Promise<StageTimesAnswer> => {
  const loaded = await loadedOf(request);
  const answer: StageTime[][][] = [];
  for (const { rung, batches } of request.rungs) {
    const stages: StageTime[][] = batches.map(() => []);
    for (const batch of sizes(Math.max(...batches))) {
      await walk(loaded, rung, batch, async (exit, _logits, feeds) => {
        if (batch > batches[exit]!) return;
        const times: number[] = [];
        for (let repeat = 0; repeat < request.repeats; repeat++) {
          const from = performance.now();
          await loaded.sessions[rung]![exit]!.run(feeds);
          times.push(performance.now() - from);
        }
        stages[exit]!.push([batch, spread(times).median]);
      });
    }
    answer.push(stages);
  }
  return answer;
});
