/** Whether one more request is taken: by its place, its bytes, and how long it would wait. Pure. */

import type { Priority } from '../priority.js';

export interface AdmissionLimits {
  /** Requests that wait for a lane; one more is refused. */
  readonly queue: number;
  /** Bytes of all pictures that are held, waiting or in a lane; one more picture is refused. */
  readonly bytes: number;
  /** A request that is expected to wait longer is refused; Infinity: only its own deadline counts. */
  readonly maxWaitMs: number;
  /** Share of the three that `batch` may use, 0 to 1: it is refused first. */
  readonly batchShare: number;
}

/** What is there already. */
export interface Crowd {
  readonly queued: number;
  readonly bytes: number;
  /** That a request of this priority is expected to wait. */
  readonly waitMs: number;
  /** Until all that is there is done. */
  readonly drainMs: number;
}

/** Who asks. */
export interface Ask {
  readonly priority: Priority;
  /** Of its picture; 0 while it is still to come. */
  readonly bytes: number;
  /** Until its deadline; Infinity without one. */
  readonly leftMs: number;
  /** Within which its policy has set itself to answer, where no cheaper point is left that could keep it; Infinity otherwise. */
  readonly goalMs: number;
}

/** What was short. */
export const SHED_REASONS = ['queue', 'bytes', 'wait', 'goal', 'deadline'] as const;
export type ShedReason = (typeof SHED_REASONS)[number];

export interface Refusal {
  readonly reason: ShedReason;
  readonly detail: string;
  /** When there is expected to be a place, if nobody else comes. */
  readonly retryAfterSeconds: number;
}

/** Share of its deadline that a request may wait: it is to be worked on too, and the estimate may be wrong. */
export const WAIT_SHARE = 0.7;
/** The same of its policy's goal, which is for 19 of 20: so many have to be quicker than the estimate says. */
export const GOAL_SHARE = 0.6;
/** Longer is a guess, and who comes back after a minute has lost little. */
const MOST_RETRY_SECONDS = 60;

/** Undefined: it is taken. Where nothing waits, nobody is refused for the time. */
export function refusalOf(limits: AdmissionLimits, crowd: Crowd, ask: Ask): Refusal | undefined {
  const share = ask.priority === 'batch' ? limits.batchShare : 1;
  const [queue, bytes, maxWaitMs] = [share * limits.queue, share * limits.bytes, share * limits.maxWaitMs];
  const { queued, waitMs, drainMs } = crowd;
  const who = ask.priority === 'batch' ? ' of priority batch' : '';
  if (queued >= queue) {
    const detail = `the gateway has ${queued} requests waiting and takes no more${who} for the moment`;
    return refusal('queue', detail, (drainMs * (queued + 1 - queue)) / queued);
  }
  const held = crowd.bytes + ask.bytes;
  // One picture that is larger than the share is no crowd.
  if (held > bytes && (crowd.bytes > 0 || held > limits.bytes)) {
    const detail = `the gateway holds pictures of ${crowd.bytes} bytes and takes no more${who} for the moment`;
    return refusal('bytes', detail, crowd.bytes === 0 ? 0 : (drainMs * (held - bytes)) / crowd.bytes);
  }
  const bounds: readonly (readonly [ShedReason, number, string])[] = [
    ['wait', maxWaitMs, 'longer than this gateway lets it'],
    ['goal', GOAL_SHARE * ask.goalMs, 'too long for the goal of its policy'],
    ['deadline', WAIT_SHARE * Math.max(0, ask.leftMs), 'too long for its deadline'],
  ];
  const [reason, mostMs, why] = bounds.reduce((least, bound) => (bound[1] < least[1] ? bound : least));
  if (waitMs <= mostMs) return undefined;
  return refusal(
    reason,
    `a request${who} that comes now waits about ${Math.round(waitMs)} ms: ${why}`,
    waitMs - mostMs,
  );
}

function refusal(reason: ShedReason, detail: string, ms: number): Refusal {
  return { reason, detail, retryAfterSeconds: Math.min(MOST_RETRY_SECONDS, Math.max(1, Math.ceil(ms / 1000))) };
}
