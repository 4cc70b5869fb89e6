/** POST /v1/classify: a picture in, the answer and its cost out. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ParsedUrlQuery } from 'node:querystring';
import { RequestError } from '../errors.js';
import type { ClassifyResult, Gateway } from '../gateway/gateway.js';
import type { Wish } from '../gateway/request.js';
import { queueMs } from '../telemetry/request-metrics.js';
import type { Classification } from './answers.js';
import { readImage } from './body.js';
import { Passage, type PassageDeps } from './passage.js';
import { parseQuery } from './query.js';
import { sniff } from './sniff.js';
import type { Uploads } from './uploads.js';
import { wishOf } from './wish.js';

export interface ClassifyDeps extends PassageDeps {
  readonly gateway: Gateway;
  /** Bodies on their way, and how large they may be. */
  readonly uploads: Uploads;
}

/** Where it is answered. */
export const CLASSIFY = '/v1/classify';

export interface ClassifyRequest {
  /** Of the request, as its answer names it. */
  readonly id: string;
  readonly query: ParsedUrlQuery;
}

/** By Node's own means, with nothing of Express in it: see `app`. Never rejects but for a mistake of ours. */
export type ClassifyHandler = (
  request: IncomingMessage,
  response: ServerResponse,
  asked: ClassifyRequest,
) => Promise<void>;

export function classifyHandler(deps: ClassifyDeps): ClassifyHandler {
  const { gateway, metrics } = deps;
  return async (request, response, { id, query: given }) => {
    const passage = new Passage(deps, request, response, { id, route: CLASSIFY });
    let known = () => planOf(gateway, given);
    try {
      const caller = await passage.caller();
      const query = parseQuery(given);
      using _place = caller.enter();
      const wish = wishOf(caller, request, query, gateway);
      const plan = planOf(gateway, wish);
      known = () => plan;
      const result = await answer(deps, request, query, wish, passage);
      metrics?.answered(result);
      // Set by hand: `response.json` would hash and stringify once more for an ETag that no POST needs.
      response.setHeader('Content-Type', 'application/json; charset=utf-8');
      response.end(JSON.stringify(answerBody(id, result)));
      passage.answered({ result }, () => summary(result));
    } catch (error) {
      passage.refused(error, known(), 'v1');
    }
  };
}

async function answer(
  deps: ClassifyDeps,
  request: IncomingMessage,
  { deadline_ms: deadlineMs = Number.POSITIVE_INFINITY, top, explain }: ReturnType<typeof parseQuery>,
  wish: Wish,
  { arrivedMs, stop, journey }: Passage,
): Promise<ClassifyResult> {
  const deadlineAt = arrivedMs + deadlineMs;
  // Before the body is read: a typo or a full queue shall not cost an upload, and a reload meanwhile changes nothing for this one.
  using admission = deps.gateway.admit({ ...wish, deadlineAt });
  journey?.admitted(admission.plan);
  const image = await readImage(request, deps.uploads);
  journey?.received(image.length);
  if (sniff(image) === undefined) {
    throw new RequestError('unsupported_format', 'these bytes are none of JPEG, PNG, WebP, AVIF, GIF, TIFF');
  }
  const asked = { image, top, deadlineAt, explain: explain === 'true', signal: stop.signal, journey };
  return await deps.gateway.classify(asked, admission);
}

/** For metrics: the plan that the request names, if there is one. */
function planOf(gateway: Gateway, named: ParsedUrlQuery | Wish): { cascade: string; policy: string } | undefined {
  const { cascade, policy } = named;
  try {
    return gateway.service(cascade as string | undefined, policy as string | undefined);
  } catch {
    return undefined;
  }
}

/** The JSON of the contract. */
export function answerBody(id: string, result: ClassifyResult): Classification {
  const { cascade, plan, answer } = result;
  return {
    id,
    cascade: plan.cascade,
    policy: plan.policy,
    predictions: answer.top.map(({ index, probability }) => ({
      index,
      label: cascade.labels[index]!.name,
      ...(cascade.labels[index]!.wnid === undefined ? {} : { wnid: cascade.labels[index]!.wnid }),
      probability: round(probability, 6),
    })),
    route: {
      ...placeOf(cascade, answer.rung, answer.exit),
      score: round(answer.score, 6),
      reason: answer.reason,
      ...(plan.point === undefined ? {} : { point: plan.point }),
      policy_version: plan.version,
      ...(answer.steps === undefined ? {} : { steps: stepsOf(result) }),
    },
    cost: {
      macs: answer.macs,
      full_macs: result.fullMacs,
      ratio: round(answer.macs / result.fullMacs, 4),
      queue_ms: round(queueMs(result), 3),
      decode_ms: round(answer.decodeMs, 3),
      inference_ms: round(answer.inferenceMs, 3),
      total_ms: round(result.totalMs, 3),
    },
  };
}

/** The exits that were passed, as `explain` shows them. */
export function stepsOf({ cascade, answer }: ClassifyResult) {
  return (answer.steps ?? []).map(({ rung, exit, score, threshold, exited }) => ({
    ...placeOf(cascade, rung, exit),
    score: round(score, 6),
    threshold,
    exited,
  }));
}

function placeOf({ rungs }: ClassifyResult['cascade'], index: number, exit: number) {
  const { backbone, width, resolution } = rungs[index]!;
  return { backbone, width, resolution, exit };
}

function summary({ plan, answer, totalMs }: ClassifyResult) {
  const { cascade, policy } = plan;
  return { cascade, policy, rung: answer.rung, exit: answer.exit, reason: answer.reason, macs: answer.macs, totalMs };
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
