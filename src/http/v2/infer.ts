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
import type { ClassifyDeps } from '../classify.js';
import { Passage } from '../passage.js';
import { wishOf } from '../wish.js';
import { LENGTH_HEADER } from './binary.js';
import { readInferenceBody } from './body.js';
import { checkVersion, findModel } from './models.js';
import { type Encoded, encodeOutputs, responseParameters, type WantedOutput, wantedOutputs } from './outputs.js';
import { type Inference, parseInference } from './request.js';
import type { InferRequest, InferResponse } from './schema.js';
import { elementName, type InputPicture } from './tensor.js';

/** What is known of a request already: metrics and traces tell of it when it fails. */
interface Known {
  admission?: Admission;
  /** Of the batch. */
  pictures: number;
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
    const passage = new Passage(deps, request, response, { id, route: String(request.route.path) });
    // Each element of the batch listens to it.
    setMaxListeners(0, passage.stop.signal);
    const known: Known = { pictures: 1 };
    try {
      const inferred = await infer(deps, request, passage, known);
      const { results } = inferred;
      const body = await bodyOf(id, inferred);
      for (const result of results) deps.metrics?.answered(result);
      send(response, body, encodeOutputs(inferred.wanted, results));
      const { cascade, policy } = results[0]!.plan;
      passage.answered({ results }, () => ({ cascade, policy, elements: results.length }));
    } catch (error) {
      const plan = known.admission?.plan ?? serviceOf(deps.gateway, request);
      passage.refused(error, plan, 'v2', known.pictures);
    } finally {
      known.admission?.[Symbol.dispose]();
    }
  };
}

async function infer(deps: ClassifyDeps, request: Request, passage: Passage, known: Known): Promise<Inferred> {
  const { gateway } = deps;
  const { arrivedMs, stop, journey } = passage;
  const caller = await passage.caller();
  using _place = caller.enter();
  const { name, version } = request.params as { name: string; version?: string };
  const wishFor = (policy?: string) => wishOf(caller, request, { cascade: name, policy }, gateway);
  const cascade = await findModel(gateway, { name, version }, caller);
  const { asked, pictures: coming } = await received(
    deps,
    request,
    // Whether the key may use what the body names is asked when that is read; until then it stands for one that the key may use.
    { ...wishFor(caller.key?.policy ?? caller.key?.policies?.[0]), provisional: true },
    journey,
  );
  const { policy, deadline_ms, timeout, top } = asked.parameters;
  // Its policy stands in the body: it is let in when that is read, and keeps from now on what it is let in with.
  const deadlineMs = deadline_ms ?? (timeout === undefined ? Number.POSITIVE_INFINITY : timeout / 1000);
  const deadlineAt = arrivedMs + deadlineMs;
  const admission = gateway.admit({ ...wishFor(policy), deadlineAt });
  known.admission = admission;
  if (admission.cascade !== cascade) await checkVersion(admission.cascade, version);
  if (journey?.admittedMs === undefined) journey?.admitted(admission.plan);
  else journey.plan = admission.plan;
  const pictures = await held(coming);
  known.pictures = pictures.length;
  caller.owe(pictures.length - 1, performance.now());
  journey?.received(pictures.reduce((sum, { image }) => sum + image.length, 0));
  const wanted = wantedOutputs(asked);
  const wants = (output: WantedOutput['name']) => wanted.some((each) => each.name === output);
  const common = {
    top,
    deadlineAt,
    explain: wants('steps'),
    logits: wants('logits'),
    signal: stop.signal,
    oneOfMany: pictures.length > 1,
  };
  const jobs = pictures.map(async (picture, index) => {
    try {
      return await gateway.classify({ ...picture, ...common, journey: journey?.element() }, admission);
    } catch (error) {
      // The others are of no use any more.
      stop.abort();
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
