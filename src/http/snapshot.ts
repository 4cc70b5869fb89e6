/** GET /console/figures: what the console draws. Sums since the start; who asks twice has what happened between. */

/** All keys as they are on the wire. */
export interface Snapshot {
  /** When the gateway was started, milliseconds since the epoch: sums of another start are other sums. */
  readonly started_ms: number;
  /** When it was asked, milliseconds since the epoch. */
  readonly at_ms: number;
  /** False: metrics are off, and all sums are empty. */
  readonly counts: boolean;
  readonly lanes: { readonly ready: number; readonly starting: number; readonly retiring: number };
  /** Another text: /v1/cascades and /v1/policies say something else (cascades, policies, points that serve, the last reload). */
  readonly catalogue: string;
  /** Requests that wait for a lane. */
  readonly queued: number;
  /** Requests to /v1/classify that were not answered with 200. */
  readonly refused: number;
  /** Each policy on each cascade that has answered something. */
  readonly services: readonly ServiceFigures[];
}

export interface ServiceFigures {
  readonly cascade: string;
  readonly policy: string;
  readonly answered: number;
  readonly macs: number;
  readonly full_macs: number;
  /** How many answers took at most so many milliseconds, in the order of the buckets; the last has no bound (null). */
  readonly latency: readonly { readonly ms: number | null; readonly answers: number }[];
  readonly exits: readonly ExitFigures[];
}

/** Answers by the exit that gave them. */
export interface ExitFigures {
  readonly backbone: string;
  readonly width: number;
  readonly resolution: number;
  readonly exit: number;
  readonly answers: number;
}
