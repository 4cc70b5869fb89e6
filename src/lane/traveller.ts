/** A picture on its way through its plan, and the answer that comes of it. */

import type { ExitScore, Position, Reason } from '../policy/decide.js';
import type { Content } from '../policy/entry.js';
import type { Plan } from '../policy/plan.js';
import { topClasses } from '../policy/score.js';
import type { Job, JobAnswer } from './messages.js';
import type { Picture } from './picture.js';
import type { Row } from './session.js';

export interface Traveller {
  readonly job: Job;
  readonly plan: Plan;
  at: Position;
  /** The image and the features that later stages of this rung may need, by tensor name. */
  held: Map<string, Row>;
  readonly picture: Picture;
  readonly passed: ExitScore[];
  /** Calibrated probabilities at each passed exit, [classes]. */
  readonly answers: Float32Array[];
  macs: number;
  decodeMs: number;
  inferenceMs: number;
  runMs: number;
  cancelled: boolean;
  /** What it shows, once that was asked for: by a rule of entry, or to be explained. */
  content: Content | undefined;
  /** When it came into the queue where it waits. */
  since: number;
  timer: NodeJS.Timeout | undefined;
}

export function newTraveller(job: Job, plan: Plan, picture: Picture): Traveller {
  return {
    job,
    plan,
    picture,
    at: { leg: 0, stage: 0 },
    held: new Map(),
    passed: [],
    answers: [],
    macs: 0,
    decodeMs: 0,
    inferenceMs: 0,
    runMs: 0,
    cancelled: false,
    content: undefined,
    since: 0,
    timer: undefined,
  };
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
    ...(job.explain ? { steps: stepsOf(traveller, exit) } : {}),
    ...(job.explain && traveller.content !== undefined ? { content: traveller.content } : {}),
    macs: traveller.macs,
    decodeMs: traveller.decodeMs,
    inferenceMs: traveller.inferenceMs,
    runMs: traveller.runMs,
  };
}

function stepsOf(traveller: Traveller, exit: number) {
  const { plan, passed, answers } = traveller;
  return passed.map(({ leg, stage, score }, index) => ({
    rung: plan.legs[leg]!.rung,
    exit: stage + 1,
    // The score is the largest probability itself.
    guess: answers[index]!.indexOf(score),
    score,
    threshold: plan.legs[leg]!.thresholds[stage] ?? null,
    exited: index === exit,
  }));
}
