/**
 * What a sampled request leaves behind on its way through the gateway, for its trace; other requests have none. Times are of the
 * host's clock (`clock.ts`), milliseconds.
 */

import { hostMs } from '../clock.js';
import type { Timings, TraceContext } from '../lane/messages.js';
import type { Plan } from '../policy/plan.js';

/** A lane had the request. */
export interface Attempt {
  /** Since when it had waited for a lane. */
  readonly waitedFromMs: number;
  readonly fromMs: number;
  readonly lane: number;
  /** Neither answered nor died: the request gave up first. */
  outcome?: 'answered' | 'died';
  toMs?: number;
  timings?: Timings | undefined;
}

export class Journey {
  admittedMs: number | undefined;
  /** What it was let in with. */
  plan: Plan | undefined;
  /** When the last byte of the picture was there. */
  receivedMs: number | undefined;
  /** Of the picture. */
  bytes: number | undefined;
  readonly attempts: Attempt[] = [];
  /** Of a batch: a journey for each picture, in their order. */
  readonly elements: Journey[] = [];
  /** Since when it waits for a lane; undefined while one has it. */
  waitingFromMs: number | undefined;

  /** @param context span of the request, which lanes are told */
  constructor(
    readonly context: TraceContext,
    readonly startedMs: number,
  ) {}

  /** For the next picture of a batch; it has its answer with the request's own end, or before. */
  element(): Journey {
    const element = new Journey(this.context, hostMs());
    this.elements.push(element);
    return element;
  }

  admitted(plan: Plan): void {
    this.admittedMs = hostMs();
    this.plan = plan;
  }

  received(bytes: number): void {
    this.receivedMs = hostMs();
    this.bytes = bytes;
  }

  waits(): void {
    this.waitingFromMs = hostMs();
  }

  boards(lane: number): void {
    const fromMs = hostMs();
    this.attempts.push({ lane, fromMs, waitedFromMs: this.waitingFromMs ?? fromMs });
    this.waitingFromMs = undefined;
  }

  /** The lane answered, be it with a failure. */
  answered(timings: Timings | undefined): void {
    Object.assign(this.attempts.at(-1)!, { outcome: 'answered', toMs: hostMs(), timings });
  }

  died(): void {
    Object.assign(this.attempts.at(-1)!, { outcome: 'died', toMs: hostMs() });
  }
}
