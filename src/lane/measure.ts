/** Measures the stages of a rung on this machine: the batch size with the best throughput, and how long one picture takes. */

import { type LoadedCascade, walk } from './loaded.js';
import type { StageTimes } from './messages.js';
import { type Features, type StageSession, stack } from './session.js';

const BATCHES = [2, 4, 8, 16];
/** A longer run would keep the lane from hearing of new work, of deadlines and of callers who left. */
const LONGEST_RUN_MS = 25;
/** The largest batch that is nearly as good as the best one is taken: each run has costs around it that are not measured here. */
const NEARLY = 1.05;
const REPEATS = 3;
/** Two runs that took so long together are enough. */
const ENOUGH_MS = 6;
/** A doubling that makes pictures less than so much cheaper was in vain: at large sides all are, and each is a tenth of a second of the start. */
const WORTHWHILE = 0.97;
/** One in vain may be noise; of a run that takes longer noise is a small part. */
const MOST_IN_VAIN = 2;
const LONG_RUN_MS = 6;

/** The times of one rung's stages. */
export async function measureRung(loaded: LoadedCascade, rung: number): Promise<readonly StageTimes[]> {
  const stages: StageTimes[] = [];
  await walk(loaded, rung, 1, async (exit, _logits, feeds) => {
    stages.push(await measureStage(loaded.sessions[rung]![exit]!, feeds));
  });
  return stages;
}

interface Tried {
  readonly batch: number;
  /** Milliseconds. */
  readonly perPicture: number;
}

/** Doubles the batch as long as pictures get cheaper by it. */
async function measureStage(session: StageSession, one: Features): Promise<StageTimes> {
  const ms = await fastest(session, one);
  const tried: Tried[] = [{ batch: 1, perPicture: ms }];
  let inVain = 0;
  for (const batch of BATCHES) {
    const before = tried.at(-1)!.perPicture;
    if (before * batch > LONGEST_RUN_MS) break;
    const perPicture = (await fastest(session, repeated(one, batch))) / batch;
    tried.push({ batch, perPicture });
    inVain = perPicture < before * WORTHWHILE ? 0 : inVain + 1;
    if (inVain === MOST_IN_VAIN || (inVain > 0 && perPicture * batch > LONG_RUN_MS)) break;
  }
  return { batch: largestGood(tried), ms };
}

function largestGood(tried: readonly Tried[]): number {
  const best = Math.min(...tried.map(({ perPicture }) => perPicture));
  const isGood = ({ batch, perPicture }: Tried) =>
    perPicture <= best * NEARLY && (batch === 1 || perPicture * batch <= LONGEST_RUN_MS);
  return tried.findLast(isGood)?.batch ?? 1;
}

function repeated(one: Features, batch: number): Features {
  const rows = Array.from({ length: batch });
  return new Map([...one].map(([name, tensor]) => [name, stack(rows.map(() => ({ tensor, index: 0 })))]));
}

/** The shortest of a few runs, milliseconds: noise only ever adds time. */
async function fastest(session: StageSession, feeds: Features): Promise<number> {
  let best = Number.POSITIVE_INFINITY;
  let spent = 0;
  for (let repeat = 0; repeat < REPEATS && (repeat < 2 || spent < ENOUGH_MS); repeat++) {
    const from = performance.now();
    await session.run(feeds);
    const ms = performance.now() - from;
    best = Math.min(best, ms);
    spent += ms;
  }
  return best;
}
