/** POST /v2/models/NAME[/versions/VERSION]/infer: each element of the batch is a job of its own and takes its own way. */

import { setMaxListeners } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import type { Request, RequestHandler, Response } from 'express';
import { versionOf } from '../../cascade/version.js';
import { RequestError, type RequestErrorCode } from '../../errors.js';
import type { ClassifyResult, Gateway } from '../../gateway/gateway.js';
import type { Admission } from '../../gateway/generation.js';
import type { Journey } from '../../gateway/journey.js';
import type { Wish } from '../../gateway/request.js';
import type { Service } from '../../policy/service.js';
import { logFieldsOf } from '../../telemetry/trace-context.js';
import type { ClassifyDeps } from '../classify.js';
import { asRequestError, problemOf } from '../problem.js';
import { wishOf } from '../wish.js';
import { LENGTH_HEADER } from './binary.js';
import { readInferenceBody } from './body.js';
import { checkVersion, findModel } from './models.js';
import { type Encoded, encodeOutputs, responseParameters, type WantedOutput, wantedOutputs } from './outputs.js';
import { refuse } from './refuse.js';
import { type Inference, parseInference } from './request.js';
import type { InferRequest, InferResponse } from './schema.js';
import { elementName, type InputPicture } from './tensor.js';

/** One inference request on its way; what is known of it already, metrics and traces tell of it when it fails. */
interface Passage {
  readonly arrivedMs: number;
  readonly stop: AbortController;
  readonly journey: Journey | undefined;
  admission?: Admission;
  /** Of the batch. */
  elements: number;
}

interface Inferred {
  readonly asked: InferRequest;
  readonly wanted: readonly WantedOutput[];
  readonly results: readonly ClassifyResult[];
}

/** Bytes of pixels that are looked at before other callers have their turn. */
const REST_BYTES = 1_000_000;

export function inferRoute(deps: ClassifyDeps): RequestHandler {
  return async (request, response) => {
    const id = response.locals.id as string;
    const trace = deps.tracing?.start(request, { id, route: String(request.route.path) });
    if (trace !== undefined) response.setHeader('traceparent', trace.traceparent);
    const traced = logFieldsOf(trace?.traceparent ?? request.get('traceparent'));
    const stop = new AbortController();
    // Each element of the batch listens to it.
    setMaxListeners(0, stop.signal);
    response.on('close', () => {
      if (!response.writableFinished) stop.abort();
    });
    const passage: Passage = { arrivedMs: Date.now(), stop, journey: trace?.journey, elements: 1 };
    try {
      const inferred = await infer(deps, request, passage);
      const { results } = inferred;
      const body = await bodyOf(id, inferred);
      for (const result of results) deps.metrics?.answered(result);
      const { cascade, policy } = results[0]!.plan;
      deps.log.debug({ id, ...traced, cascade, policy, elements: results.length }, 'answered');
      send(response, body, encodeOutputs(inferred.wanted, results));
      trace?.end({ status: response.statusCode, results });
    } catch (error) {
      const refusal = asRequestError(error);
      const known = passage.admission?.plan ?? serviceOf(deps.gateway, request);
      for (let i = 0; i < passage.elements; i++) deps.metrics?.refused(problemOf(refusal).status, known);
      if (refusal.code === 'internal')
        deps.log.error({ id, ...traced, err: error, detail: refusal.detail }, 'request failed');
      else deps.log.debug({ id, ...traced, code: refusal.code }, 'refused');
      refuse(request, response, refusal);
      trace?.end({ status: response.headersSent ? response.statusCode : undefined, problem: refusal.code });
    } finally {
      passage.admission?.[Symbol.dispose]();
    }
  };
}

async function infer(deps: ClassifyDeps, request: Request, passage: Passage): Promise<Inferred> {
  const { gateway } = deps;
  const caller = await deps.auth.admit(request);
  using _place = caller.enter();
  const { name, version } = request.params as { name: string; version?: string };
  const wishFor = (policy?: string) => wishOf(caller, request, { cascade: name, policy }, gateway);
  const cascade = await findModel(gateway, { name, version }, caller);
  const { asked, pictures: coming } = await received(
    deps,
    request,
    // Whether the key may use what the body names is asked when that is read; until then it stands for one that the key may use.
    { ...wishFor(caller.key?.policy ?? caller.key?.policies?.[0]), provisional: true },
    passage.journey,
  );
  const { policy, deadline_ms, timeout, top } = asked.parameters;
  // Its policy stands in the body: it is let in when that is read, and keeps from now on what it is let in with.
  const deadlineMs = deadline_ms ?? (timeout === undefined ? Number.POSITIVE_INFINITY : timeout / 1000);
  const deadlineAt = passage.arrivedMs + deadlineMs;
  const admission = gateway.admit({ ...wishFor(policy), deadlineAt });
  passage.admission = admission;
  if (admission.cascade !== cascade) await checkVersion(admission.cascade, version);
  const { journey } = passage;
  if (journey?.admittedMs === undefined) journey?.admitted(admission.plan);
  else journey.plan = admission.plan;
  const pictures = await held(coming);
  passage.elements = pictures.length;
  journey?.received(pictures.reduce((sum, { image }) => sum + image.length, 0));
  const wanted = wantedOutputs(asked);
  const wants = (output: WantedOutput['name']) => wanted.some((each) => each.name === output);
  const common = {
    top,
    deadlineAt,
    explain: wants('steps'),
    logits: wants('logits'),
    signal: passage.stop.signal,
    oneOfMany: pictures.length > 1,
  };
  const jobs = pictures.map(async (picture, index) => {
    try {
      return await gateway.classify({ ...picture, ...common, journey: journey?.element() }, admission);
    } catch (error) {
      // The others are of no use any more.
      passage.stop.abort();
      throw named(error, index);
    }
  });
  return { asked, wanted, results: await Promise.all(jobs) };
}

/** Before the body is read, it is asked whether there is place for it: neither a full queue nor a typo shall cost an upload. */
async function received(deps: ClassifyDeps, request: Request, wish: Wish, journey?: Journey): Promise<Inference> {
  using place = placeFor(deps, wish);
  if (place !== undefined) journey?.admitted(place.plan);
  const { uploads, gateway } = deps;
  const body = await readInferenceBody(request, uploads);
  const limits = { maxBytes: uploads.maxBytes, maxPixels: gateway.maxPixels };
  const inference = parseInference(body, request.get(LENGTH_HEADER), limits);
  // The JSON is parsed; before its pictures are looked at, others have their turn.
  if (body.length >= REST_BYTES) await turn();
  return inference;
}

function placeFor({ gateway }: ClassifyDeps, wish: Wish): Admission | undefined {
  try {
    return gateway.admit(wish);
  } catch (error) {
    // The default policy says nothing of this cascade; the body may name one that does.
    if (error instanceof RequestError && error.code === 'unknown_policy') return undefined;
    throw error;
  }
}

async function held(coming: Iterable<InputPicture>): Promise<readonly InputPicture[]> {
  const pictures: InputPicture[] = [];
  let looked = 0;
  for (const picture of coming) {
    pictures.push(picture);
    looked += picture.image.length;
    if (looked < REST_BYTES) continue;
    looked = 0;
    await turn();
  }
  return pictures;
}

/** For metrics, of a request that was not let in yet: what it would have got by default. */
function serviceOf(gateway: Gateway, request: Request): Service | undefined {
  try {
    return gateway.service(request.params.name as string);
  } catch {
    return undefined;
  }
}

const OF_A_PICTURE: readonly RequestErrorCode[] = ['damaged_image', 'poison_image', 'too_many_pixels'];

/** Says which element of the batch is meant. */
function named(error: unknown, index: number): unknown {
  if (!(error instanceof RequestError) || !OF_A_PICTURE.includes(error.code)) return error;
  return new RequestError(error.code, `${elementName(index)}: ${error.detail}`);
}

async function bodyOf(id: string, { asked, results }: Inferred): Promise<Omit<InferResponse, 'outputs'>> {
  const { cascade } = results[0]!;
  return {
    model_name: cascade.name,
    model_version: await versionOf(cascade),
    id: asked.id ?? id,
    parameters: responseParameters(results),
  };
}

function send(response: Response, body: Omit<InferResponse, 'outputs'>, { outputs, binary }: Encoded): void {
  const json = Buffer.from(JSON.stringify({ ...body, outputs }));
  const isBinary = outputs.some(({ parameters }) => parameters !== undefined);
  response.setHeader('Content-Type', isBinary ? 'application/octet-stream' : 'application/json');
  if (isBinary) response.setHeader(LENGTH_HEADER, json.length);
  response.end(isBinary ? Buffer.concat([json, ...binary]) : json);
}
