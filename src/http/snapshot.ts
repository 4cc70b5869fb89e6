/** GET /console/figures: what the console draws. Sums since the start; who asks twice has what happened between. */

/** All keys as they are on the wire. */
export interface Snapshot {
  /** When the gateway was started, milliseconds since the epoch: sums of another start are other sums. */
  readonly started_ms: number;
  /** Of the gateway. */
  readonly version: string;
  /** Another text: `/` and its files are others. */
  readonly page: string;
  /** When it was asked, milliseconds since the epoch. */
  readonly at_ms: number;
  /** False: metrics are off, and all sums are empty. */
  readonly counts: boolean;
  readonly lanes: { readonly ready: number; readonly starting: number; readonly retiring: number };
  /** Another text: /v1/cascades and /v1/policies say something else, but for the points that serve. */
  readonly catalogue: string;
  readonly cascades: readonly CascadeFigures[];
  /** The operating points that serve now; of policies that have several, or audits. */
  readonly serving: readonly { readonly cascade: string; readonly policy: string; readonly point: string }[];
  /** Requests that wait for a lane, of all cascades. */
  readonly queued: number;
  /** Pictures that were refused because the request named nothing that is served. */
  readonly refused: number;
  /** Each policy on each cascade that has answered something. */
  readonly services: readonly ServiceFigures[];
}

export interface CascadeFigures {
  readonly name: string;
  /** Another text: other models, whose answers may be others. */
  readonly version: string;
  /** Pictures that were refused; those whose caller left are not among them. */
  readonly refused: number;
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
