/** POST /v1/classify: a picture in, the answer and its cost out. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ParsedUrlQuery } from 'node:querystring';
import { RequestError } from '../errors.js';
import type { ClassifyResult, Gateway } from '../gateway/gateway.js';
import type { Journey } from '../gateway/journey.js';
import type { Wish } from '../gateway/request.js';
import { headerOf } from '../node-request.js';
import type { Logger } from '../telemetry/log.js';
import type { Metrics } from '../telemetry/metrics.js';
import { queueMs } from '../telemetry/request-metrics.js';
import { logFieldsOf } from '../telemetry/trace-context.js';
import type { Tracing } from '../telemetry/tracing.js';
import type { Classification } from './answers.js';
import type { Auth } from './auth.js';
import { readImage } from './body.js';
import { linger } from './linger.js';
import { asRequestError, problemOf, sendProblem } from './problem.js';
import { parseQuery } from './query.js';
import { sniff } from './sniff.js';
import type { Uploads } from './uploads.js';
import { wishOf } from './wish.js';

export interface ClassifyDeps {
  readonly gateway: Gateway;
  /** Undefined: nothing is counted. */
  readonly metrics: Metrics | undefined;
  readonly auth: Auth;
  readonly log: Logger;
  /** Where requests are traced. */
  readonly tracing?: Tracing | undefined;
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
  return async (request, response, { id, query: given }) => {
    const arrived = Date.now();
    const gone = new AbortController();
    response.on('close', () => {
      if (!response.writableFinished) gone.abort();
    });
    let known = () => planOf(deps.gateway, given);
    const trace = deps.tracing?.start(request, { id, route: CLASSIFY });
    if (trace !== undefined) response.setHeader('traceparent', trace.traceparent);
    let traced: Record<string, unknown> = { ...logFieldsOf(trace?.traceparent ?? headerOf(request, 'traceparent')) };
    try {
      const caller = await deps.auth.admit(request);
      traced = { ...traced, ...(caller.key === undefined ? {} : { key: caller.key.name }) };
      const query = parseQuery(given);
      using _place = caller.enter();
      const wish = wishOf(caller, request, query, deps.gateway);
      const plan = planOf(deps.gateway, wish);
      known = () => plan;
      const result = await answer(deps, request, { query, wish, arrived }, gone.signal, trace?.journey);
      deps.metrics?.answered(result);
      if (deps.log.isLevelEnabled('debug')) deps.log.debug({ id, ...traced, ...summary(result) }, 'answered');
      // Set by hand: `response.json` would hash and stringify once more for an ETag that no POST needs.
      response.setHeader('Content-Type', 'application/json; charset=utf-8');
      response.end(JSON.stringify(answerBody(id, result)));
      trace?.end({ status: response.statusCode, result });
    } catch (error) {
      const refusal = asRequestError(error);
      deps.metrics?.refused(problemOf(refusal).status, known());
      if (refusal.code === 'internal')
        deps.log.error({ id, ...traced, err: error, detail: refusal.detail }, 'request failed');
      else deps.log.debug({ id, ...traced, code: refusal.code }, 'refused');
      sendProblem(response, refusal);
      linger(request);
      trace?.end({ status: response.headersSent ? response.statusCode : undefined, problem: refusal.code });
    }
  };
}

interface Asked {
  readonly query: ReturnType<typeof parseQuery>;
  readonly wish: Wish;
  /** Milliseconds since the epoch. */
  readonly arrived: number;
}

async function answer(
  deps: ClassifyDeps,
  request: IncomingMessage,
  { query, wish, arrived }: Asked,
  signal: AbortSignal,
  journey: Journey | undefined,
): Promise<ClassifyResult> {
  const deadlineAt = query.deadline_ms === undefined ? Number.POSITIVE_INFINITY : arrived + query.deadline_ms;
  // Before the body is read: a typo or a full queue shall not cost an upload, and a reload meanwhile changes nothing for this one.
  using admission = deps.gateway.admit({ ...wish, deadlineAt });
  journey?.admitted(admission.plan);
  const image = await readImage(request, deps.uploads);
  journey?.received(image.length);
  if (sniff(image) === undefined) {
    throw new RequestError('unsupported_format', 'these bytes are none of JPEG, PNG, WebP, AVIF, GIF, TIFF');
  }
  const explain = query.explain === 'true';
  return await deps.gateway.classify({ image, top: query.top, deadlineAt, explain, signal, journey }, admission);
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
