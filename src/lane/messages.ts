/** The messages between the gateway and a lane: all that the two share, apart from cascades and policies. */

import type { Cascade, CascadeFacts, StageFacts } from '../cascade/cascade.js';
import type { RequestErrorCode } from '../errors.js';
import type { Reason } from '../policy/decide.js';
import type { Content } from '../policy/entry.js';
import type { Plan } from '../policy/plan.js';
import type { Reading } from '../policy/score.js';
import type { Priority } from '../priority.js';
import type { DecodeCosts } from './decode-side.js';

/** A plan and the number by which jobs name it; no number is given twice in the life of a gateway. */
export interface NumberedPlan {
  readonly id: number;
  readonly plan: Plan;
}

/** Names a span, as W3C Trace Context does: hexadecimal, 32 and 16 digits. */
export interface TraceContext {
  readonly traceId: string;
  readonly spanId: string;
}

/** Of a picture, in pixels. */
export interface PixelSize {
  readonly width: number;
  readonly height: number;
}

/** One picture to answer. */
export interface Job {
  readonly id: number;
  /** The encoded picture, or with `raw` its pixels, `[height, width, 3]` uint8 RGB. */
  readonly image: Uint8Array;
  /** The caller has decoded the picture. */
  readonly raw?: PixelSize | undefined;
  /** Number of the plan that it was admitted with. */
  readonly plan: number;
  /** How many classes to give. */
  readonly top: number;
  /** Milliseconds since the epoch; Infinity without a deadline. */
  readonly deadlineAt: number;
  readonly explain: boolean;
  /** Wants the logits of the exit that answers. */
  readonly logits?: boolean | undefined;
  /** With `explain`: how many classes each exit that was passed tells; default: none. */
  readonly stepTop?: number | undefined;
  /** Interactive pictures are decoded and run before those of batch. */
  readonly priority: Priority;
  /** Of sampled requests only: their span. The lane notes times for them, and for no others. */
  readonly trace?: TraceContext | undefined;
}

/** From and to on the host's clock (`clock.ts`), milliseconds. */
export interface Interval {
  readonly fromMs: number;
  readonly toMs: number;
}

/** A decode of a sampled picture. */
export interface DecodeTiming extends Interval {
  /** Waited before it, for a decoder. */
  readonly waitedMs: number;
  /** Side that was asked for, pixels. */
  readonly resolution: number;
}

/** A run of a stage with at least one sampled picture in it. It is a span of its own, named by the lane. */
export interface BatchRun extends Interval, TraceContext {
  readonly cascade: string;
  /** Its id, for example `slimnet/0.5@24`. */
  readonly rung: string;
  /** From 1. */
  readonly exit: number;
  /** All pictures in it, sampled or not. */
  readonly size: number;
  /** Spans of the sampled requests in it. */
  readonly requests: readonly TraceContext[];
}

/** What such a run was for one of its sampled pictures. */
export interface StageTiming extends Interval {
  /** Waited before it, in the queue of the stage. */
  readonly waitedMs: number;
  readonly batch: TraceContext;
  readonly batchSize: number;
  readonly rung: string;
  /** From 1. */
  readonly exit: number;
  readonly macs: number;
  readonly score: number;
  readonly threshold: number | null;
  readonly exited: boolean;
}

/** What a lane noted of a sampled picture. */
export interface Timings {
  readonly decodes: readonly DecodeTiming[];
  readonly stages: readonly StageTiming[];
  /** When it was settled what the answer is. */
  readonly decidedMs: number;
}

/** An exit that was passed, as `explain=true` shows it. */
export interface PassedExit extends Reading {
  /** Index in the cascade's rungs. */
  readonly rung: number;
  /** From 1. */
  readonly exit: number;
  readonly score: number;
  readonly threshold: number | null;
  readonly exited: boolean;
  /** With `stepTop`. */
  readonly top?: readonly { readonly index: number; readonly probability: number }[];
}

export interface JobAnswer {
  readonly id: number;
  readonly ok: true;
  readonly top: readonly { readonly index: number; readonly probability: number }[];
  readonly rung: number;
  /** From 1. */
  readonly exit: number;
  readonly score: number;
  readonly reason: Reason;
  /** Where they are wanted: calibrated, so that their softmax is what `top` is taken from. [classes] */
  readonly logits?: Float32Array;
  readonly steps?: readonly PassedExit[];
  /** With `explain`: what the rule of entry would go by. */
  readonly content?: Content;
  readonly macs: number;
  /** Wall time of all its decodes. */
  readonly decodeMs: number;
  /** Its share of the runs that it was part of: run time / batch size. */
  readonly inferenceMs: number;
  /** Wall time of the runs that it was part of. */
  readonly runMs: number;
  /** Of a sampled picture. */
  readonly timings?: Timings | undefined;
}

export interface JobFailure {
  readonly id: number;
  readonly ok: false;
  readonly code: RequestErrorCode;
  readonly detail: string;
  /** What was done for it all the same. */
  readonly decodeMs: number;
  readonly inferenceMs: number;
  /** Of a sampled picture. */
  readonly timings?: Timings | undefined;
}

export type JobResult = JobAnswer | JobFailure;

/** A cascade that did not load in the lane. */
export interface BrokenCascade {
  readonly cascade: string;
  readonly file: string;
  readonly key: string;
  readonly reason: string;
}

/** What the measuring lane found out about the cascades and the machine. */
export interface Facts {
  /** By name. */
  readonly cascades: Readonly<Record<string, CascadeFacts>>;
  readonly decode: DecodeCosts;
}

/** What one lane measures of them: the times of one rung of a cascade, or those of decodes to these sides. */
export type Part = { readonly cascade: string; readonly rung: number } | { readonly sides: readonly number[] };

/** Of each cascade by name, by rung and stage. */
export type Counts = Readonly<Record<string, readonly (readonly number[])[]>>;

export type Measured =
  | { readonly cascade: string; readonly rung: number; readonly stages: readonly StageTimes[] }
  | { readonly decode: DecodeCosts };

/** Of one stage: without what is counted. */
export type StageTimes = Omit<StageFacts, 'macs'>;

export interface LaneLimits {
  /** Width x height of the largest picture that is decoded. */
  readonly maxPixels: number;
  /** Pictures decoded at a time. */
  readonly decoders: number;
  /** ONNX Runtime's intra-op threads. */
  readonly threads: number;
}

/** What a lane did since its last message of results. */
export interface LaneWork {
  /** Milliseconds that ONNX Runtime ran. */
  readonly busyMs: number;
  /** Milliseconds of decodes, which may overlap. */
  readonly decodeMs: number;
  /** Sizes of the batches that ran. */
  readonly batches: readonly number[];
}

/** What the process of a lane takes of the machine. */
export interface LaneUsage {
  /** Processor time, user and system, since its last beat. */
  readonly cpuMs: number;
  readonly residentBytes: number;
}

/** Gateway to lane. */
export type ToLane =
  | {
      readonly type: 'load';
      readonly cascades: readonly Cascade[];
      readonly limits: LaneLimits;
      /** Whether it counts MACs too: one lane does it for all. */
      readonly counts: boolean;
    }
  | { readonly type: 'measure'; readonly part: Part }
  | { readonly type: 'start'; readonly facts: Facts; readonly plans: readonly NumberedPlan[] }
  /** Sent before any job that names an added plan, and after the last answer to one that names a retired plan. */
  | { readonly type: 'plans'; readonly added: readonly NumberedPlan[]; readonly retired: readonly number[] }
  | { readonly type: 'jobs'; readonly jobs: readonly Job[] }
  | { readonly type: 'cancel'; readonly ids: readonly number[] };

/** Lane to gateway. */
export type FromLane =
  | {
      readonly type: 'loaded';
      readonly broken: readonly BrokenCascade[];
      /** Where it was told to count. */
      readonly macs?: Counts | undefined;
    }
  | { readonly type: 'measured'; readonly measured: Measured }
  | { readonly type: 'ready'; readonly residentBytes: number }
  | { readonly type: 'beat'; readonly usage: LaneUsage }
  /** A decoder does not come back: the lane wants to be ended. It cannot do so itself, as its process waits for the decoder's thread. */
  | { readonly type: 'stuck' }
  | ({
      readonly type: 'results';
      readonly results: readonly JobResult[];
      /** Those of the batches that had a sampled picture in them. */
      readonly traced?: readonly BatchRun[];
    } & LaneWork);
