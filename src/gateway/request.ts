/** What the gateway is asked, and what it answers. */

import type { Cascade } from '../cascade/cascade.js';
import type { JobAnswer } from '../lane/messages.js';
import type { Plan } from '../policy/plan.js';

export interface ClassifyRequest {
  readonly image: Uint8Array;
  readonly cascade?: string | undefined;
  readonly policy?: string | undefined;
  readonly top: number;
  /** Milliseconds since the epoch; Infinity without one. */
  readonly deadlineAt: number;
  readonly explain: boolean;
  readonly signal?: AbortSignal;
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
