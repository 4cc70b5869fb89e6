/** A picture on its way through its plan, and the answer that comes of it. */

import type { RequestError } from '../errors.js';
import { type ExitScore, type Position, type Reason, thresholdAt } from '../policy/decide.js';
import type { Content } from '../policy/entry.js';
import type { Plan } from '../policy/plan.js';
import { meanWith, pooled, type Reading, readingOf, scoreOf, topClasses } from '../policy/score.js';
import type { Job, JobAnswer, Timings } from './messages.js';
import { Notes } from './notes.js';
import type { Picture } from './picture.js';
import type { Row } from './session.js';

export interface Traveller {
  readonly job: Job;
  /** When its answer has to leave the lane, milliseconds since the epoch; Infinity without a deadline. */
  readonly answerBy: number;
  readonly plan: Plan;
  at: Position;
  /** The image and the features that later stages of this rung may need, by tensor name. */
  held: Map<string, Row>;
  readonly picture: Picture;
  readonly passed: ExitScore[];
  /** Calibrated probabilities of each passed exit, [classes]. */
  readonly said: Float32Array[];
  /** What each passed exit answers with, likewise: the same, or what it says together with those before it. */
  readonly answers: Float32Array[];
  readonly readings: Reading[];
  /** Of each passed exit, where they are wanted; their softmax is in `answers`. */
  readonly logits: Float32Array[];
  macs: number;
  decodeMs: number;
  inferenceMs: number;
  runMs: number;
  /** What it shows, once that was asked for: by a rule of entry, or to be explained. */
  content: Content | undefined;
  isDecoding: boolean;
  /** Why it leaves without an answer when its decode is over. */
  abandoned: RequestError | undefined;
  /** When it came into the queue where it waits. */
  since: number;
  /** Of a sampled picture. */
  readonly notes: Notes | undefined;
  timer: NodeJS.Timeout | undefined;
}

/** What an answer needs from the lane to its caller, through a gateway that is busy; of a short deadline only a share. */
const WAY_BACK_MS = 10;
const MOST_OF_DEADLINE = 0.1;

/** @param nowMs since the epoch */
export function newTraveller(job: Job, plan: Plan, picture: Picture, nowMs: number): Traveller {
  const leftMs = Math.max(0, job.deadlineAt - nowMs);
  return {
    job,
    answerBy: job.deadlineAt - Math.min(WAY_BACK_MS, MOST_OF_DEADLINE * leftMs),
    plan,
    picture,
    at: { leg: 0, stage: 0 },
    held: new Map(),
    passed: [],
    said: [],
    answers: [],
    readings: [],
    logits: [],
    macs: 0,
    decodeMs: 0,
    inferenceMs: 0,
    runMs: 0,
    content: undefined,
    isDecoding: false,
    abandoned: undefined,
    since: 0,
    notes: job.trace === undefined ? undefined : new Notes(job.trace),
    timer: undefined,
  };
}

/** Of what a float of 32 bits cannot tell from 0. */
const LEAST_PROBABILITY = 2 ** -149;

/**
 * Notes what the exit at which the traveller is has said.
 * @param p its calibrated probabilities
 * @param logits its calibrated logits, where they are wanted
 */
export function pass(traveller: Traveller, p: Float32Array, logits?: Float32Array): void {
  const { plan, at, passed, answers, readings } = traveller;
  const answer = togetherWith(traveller, p);
  traveller.said.push(p);
  answers.push(answer);
  // What exits say together has no logits but their logarithms.
  if (logits !== undefined)
    traveller.logits.push(answer === p ? logits : answer.map((each) => Math.log(Math.max(each, LEAST_PROBABILITY))));
  const reading = readingOf(answer);
  readings.push(reading);
  const score = scoreOf(plan.score, readings, plan.legs[at.leg]!.gates?.[at.stage]);
  passed.push({ ...at, score, guess: reading.guess });
}

/** What the exit says together with those before it, where the policy asks them. */
function togetherWith({ plan, at, passed, said, answers }: Traveller, p: Float32Array): Float32Array {
  const before = answers.at(-1);
  if (before === undefined) return p;
  if (plan.ensemble === 'mean') return meanWith(before, answers.length, p);
  const share = plan.legs[at.leg]!.blend?.[at.stage] ?? 0;
  const earlier = share === 0 ? -1 : passed.findLastIndex(({ leg }) => leg < at.leg);
  return earlier < 0 ? p : pooled(said[earlier]!, p, share);
}

/** @param exit index in `passed` */
export function answerOf(traveller: Traveller, exit: number, reason: Reason): JobAnswer {
  const { job, plan, passed } = traveller;
  const from = passed[exit]!;
  return {
    id: job.id,
    ok: true,
    top: topClasses(traveller.answers[exit]!, job.top),
    rung: plan.legs[from.leg]!.rung,
    exit: from.stage + 1,
    score: from.score,
    reason,
    ...(job.logits ? { logits: traveller.logits[exit]! } : {}),
    ...(job.explain ? { steps: stepsOf(traveller, exit) } : {}),
    ...(job.explain && traveller.content !== undefined ? { content: traveller.content } : {}),
    macs: traveller.macs,
    decodeMs: traveller.decodeMs,
    inferenceMs: traveller.inferenceMs,
    runMs: traveller.runMs,
    ...timingsOf(traveller, exit),
  };
}

/**
 * What was noted of a sampled picture, to be spread into its result.
 * @param exit index in `passed` of the exit that answers, if one does
 */
export function timingsOf(traveller: Traveller, exit?: number): { readonly timings?: Timings } | undefined {
  return traveller.notes && { timings: traveller.notes.timings(stepsOf(traveller, exit)) };
}

function stepsOf(traveller: Traveller, exit?: number) {
  const { job, plan, passed, readings, answers } = traveller;
  return passed.map((each, index) => ({
    ...readings[index]!,
    ...(job.stepTop === undefined ? {} : { top: topClasses(answers[index]!, job.stepTop) }),
    rung: plan.legs[each.leg]!.rung,
    exit: each.stage + 1,
    score: each.score,
    threshold: thresholdAt(plan, each),
    exited: index === exit,
  }));
}
