/** What a lane notes of a sampled picture: times for its trace. Other pictures have no notes. */

import { randomBytes } from 'node:crypto';
import { hostMs } from '../clock.js';
import type { BatchRun, DecodeTiming, StageTiming, Timings, TraceContext } from './messages.js';

/** A stage timing before it is known which exit answers. */
type StageNote = Omit<StageTiming, 'score' | 'threshold' | 'exited'>;

export class Notes {
  readonly #decodes: DecodeTiming[] = [];
  readonly #stages: StageNote[] = [];
  #since = hostMs();

  /** @param context span of the request */
  constructor(readonly context: TraceContext) {}

  /** It waits from now on, for a decoder or a batch. */
  waits(): void {
    this.#since = hostMs();
  }

  /** @throws what the work throws; the decode is noted then too */
  async decode<T>(resolution: number, work: () => Promise<T>): Promise<T> {
    const fromMs = hostMs();
    const waitedMs = fromMs - this.#since;
    try {
      return await work();
    } finally {
      this.#decodes.push({ fromMs, toMs: hostMs(), waitedMs, resolution });
    }
  }

  ran({ traceId, spanId, size, rung, exit, fromMs, toMs }: BatchRun, macs: number): void {
    const waitedMs = fromMs - this.#since;
    this.#stages.push({ fromMs, toMs, waitedMs, batch: { traceId, spanId }, batchSize: size, rung, exit, macs });
  }

  /** @param said for each run, what its exit said, in the same order */
  timings(said: readonly Pick<StageTiming, 'score' | 'threshold' | 'exited'>[]): Timings {
    const stages = this.#stages.map((stage, index) => {
      const { score, threshold, exited } = said[index]!;
      return { ...stage, score, threshold, exited };
    });
    return { decodes: this.#decodes, stages, decidedMs: hostMs() };
  }
}

/**
 * A run of a stage as a span: the first of a trace of its own, as pictures of many traces may be in it.
 * @param from when it began, by `performance.now`
 * @returns undefined where no picture in it is sampled
 */
export function tracedRun(
  stage: Pick<BatchRun, 'cascade' | 'rung' | 'exit'>,
  batch: readonly { readonly notes: Notes | undefined }[],
  from: number,
  ms: number,
): BatchRun | undefined {
  if (!batch.some(isSampled)) return undefined;
  const id = randomBytes(24).toString('hex');
  const fromMs = hostMs() - (performance.now() - from);
  return {
    ...stage,
    traceId: id.slice(0, 32),
    spanId: id.slice(32),
    size: batch.length,
    requests: batch.flatMap(({ notes }) => notes?.context ?? []),
    fromMs,
    toMs: fromMs + ms,
  };
}

function isSampled({ notes }: { readonly notes: Notes | undefined }): boolean {
  return notes !== undefined;
}
