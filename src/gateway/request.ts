/** What the gateway is asked, and what it answers. */

import type { Cascade } from '../cascade/cascade.js';
import type { JobAnswer, PixelSize } from '../lane/messages.js';
import type { Plan } from '../policy/plan.js';
import type { Priority } from '../priority.js';
import type { Journey } from './journey.js';

/** What a request wants to be answered with; what it leaves open the gateway decides. */
export interface Wish {
  readonly cascade?: string | undefined;
  readonly policy?: string | undefined;
  /** Operating point: without it the steering and experiments of the policy decide. */
  readonly point?: string | undefined;
  /** Default: interactive. */
  readonly priority?: Priority | undefined;
  /** Milliseconds since the epoch: one that would wait longer is refused at once. Infinity, or nothing: without one. */
  readonly deadlineAt?: number | undefined;
  /** Value of a header of the caller, by its name: keeps a caller in one arm of an experiment. */
  readonly header?: (name: string) => string | undefined;
  /** Asked before it is known which policy is wanted, to learn whether there is place: it is no arrival of its own. */
  readonly provisional?: boolean;
}

export interface ClassifyRequest extends Wish {
  /** An encoded picture, or with `raw` its pixels, `[height, width, 3]` uint8 RGB. */
  readonly image: Uint8Array;
  readonly raw?: PixelSize | undefined;
  readonly top: number;
  /** Milliseconds since the epoch; Infinity without one. */
  readonly deadlineAt: number;
  readonly explain: boolean;
  /** Wants the logits of the exit that answers. */
  readonly logits?: boolean | undefined;
  /** With `explain`: how many classes each exit that was passed tells; default: none. */
  readonly stepTop?: number | undefined;
  readonly signal?: AbortSignal;
  /** As `Dispatched`. */
  readonly oneOfMany?: boolean | undefined;
  /** Of a sampled request: where its times are noted. */
  readonly journey?: Journey | undefined;
}

export interface ClassifyResult {
  readonly cascade: Cascade;
  readonly plan: Plan;
  readonly answer: JobAnswer;
  /** MACs of the last rung to its last exit. */
  readonly fullMacs: number;
  /** From the call to the answer. */
  readonly totalMs: number;
}
