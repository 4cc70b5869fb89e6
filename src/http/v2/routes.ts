/** The Open Inference Protocol (KServe v2) over REST. */

import { type Request, type RequestHandler, type Response, Router } from 'express';
import { versionOf } from '../../cascade/version.js';
import { RequestError } from '../../errors.js';
import { version } from '../../version.js';
import type { Caller } from '../caller.js';
import type { ClassifyDeps } from '../classify.js';
import { errorHandler } from '../error-handler.js';
import { only, onlyGet } from '../only.js';
import { inferRoute } from './infer.js';
import { describeModel, findModel, type ModelName, modelsFor } from './models.js';

/** Whole paths, and not mounted: traces name a request by them. */
export function inferenceRoutes(deps: ClassifyDeps): Router {
  const { gateway, auth } = deps;
  const routes = Router();
  const guarded: RequestHandler = async (request, response, next) => {
    response.locals.caller = await auth.admit(request);
    next();
  };
  const both = (path: string) => [`/v2/models/:name${path}`, `/v2/models/:name/versions/:version${path}`];
  const callerOf = (response: Response) => response.locals.caller as Caller;
  const model = (request: Request, response: Response) =>
    findModel(gateway, request.params as unknown as ModelName, callerOf(response));

  // Probes need no key, as /livez and /readyz need none.
  routes.get('/v2/health/live', (_request, response) => {
    response.json({ live: true });
  });
  routes.get('/v2/health/ready', (_request, response) => {
    response.status(gateway.ready ? 200 : 503).json({ live: true, ready: gateway.ready });
  });
  routes.get('/v2', guarded, (_request, response) => {
    response.json({ name: 'sluice', version, extensions: ['binary_tensor_data'] });
  });
  routes.get(both(''), guarded, async (request, response) => {
    response.json(await describeModel(gateway, await model(request, response), callerOf(response)));
  });
  routes.get(both('/ready'), guarded, async (request, response) => {
    const { name } = await model(request, response);
    response.status(gateway.ready ? 200 : 503).json({ name, ready: gateway.ready });
  });
  const infer = inferRoute(deps);
  for (const path of both('/infer')) routes.route(path).post(infer).all(only('POST'));
  // What Triton's client lists models with; whatever its body filters by, all that is listed is ready or nothing is.
  const index: RequestHandler = async (_request, response) => {
    const state = gateway.ready ? 'READY' : 'UNAVAILABLE';
    const listed = modelsFor(gateway, callerOf(response)).map(async (cascade) => ({
      name: cascade.name,
      version: await versionOf(cascade),
      state,
      reason: '',
    }));
    response.json(await Promise.all(listed));
  };
  routes.route('/v2/repository/index').post(guarded, index).all(only('POST'));
  for (const path of ['/v2', '/v2/health/live', '/v2/health/ready', ...both(''), ...both('/ready')])
    routes.all(path, onlyGet);
  routes.use('/v2', () => {
    throw new RequestError('not_found', 'nothing of the Open Inference Protocol answers at this address');
  });
  routes.use(errorHandler(deps.log, 'v2'));
  return routes;
}
