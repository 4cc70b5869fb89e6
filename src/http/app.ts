/** The Express app: routes, and one place where errors become problems. */

import { randomUUID } from 'node:crypto';
import express, { type Express, type RequestHandler } from 'express';
import type { z } from 'zod';
import { RequestError } from '../errors.js';
import type { Index } from './answers.js';
import { catalogueRoutes, type ShownReload } from './catalogue.js';
import { type ClassifyDeps, classifyRoute } from './classify.js';
import { type ConsoleFiles, consoleRoutes } from './console.js';
import { errorHandler } from './error-handler.js';
import { metricsRoute } from './metrics-app.js';
import { only, onlyGet } from './only.js';
import { openApiRoute } from './openapi/route.js';
import { probeRoutes } from './probes.js';
import { sendProblem } from './problem.js';
import { securityHeaders } from './security-headers.js';
import { inferenceRoutes } from './v2/routes.js';

export interface AppDeps extends ClassifyDeps {
  /** /metrics has an address of its own. */
  readonly metricsElsewhere?: boolean;
  /** Where models and policies are reloaded. */
  readonly lastReload?: () => ShownReload | undefined;
  /** The page at `/`; without it, `/` is JSON for everybody. */
  readonly console?: ConsoleFiles | undefined;
}

export function createApp(deps: AppDeps): Express {
  const { gateway, metrics, log } = deps;
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', 'simple');
  app.use((_request, response, next) => {
    response.locals.id = randomUUID();
    response.setHeader('X-Request-Id', response.locals.id);
    next();
  });
  app.use(securityHeaders);

  app.route('/v1/classify').post(classifyRoute(deps)).all(only('POST'));
  app.use(inferenceRoutes(deps));
  const get = (path: string, handler: RequestHandler) => app.route(path).get(handler).all(onlyGet);
  app.use(probeRoutes(gateway));
  get('/openapi.json', openApiRoute());
  if (metrics !== undefined && deps.metricsElsewhere !== true) get('/metrics', metricsRoute(metrics));
  if (deps.console !== undefined) app.use(consoleRoutes(deps.console, deps));
  get('/', (_request, response) => {
    const body: z.output<typeof Index> = {
      service: 'sluice',
      classify: 'POST /v1/classify',
      cascades: '/v1/cascades',
      policies: '/v1/policies',
      openapi: '/openapi.json',
    };
    response.json(body);
  });
  app.use('/v1', async (request, _response, next) => {
    await deps.auth.admit(request);
    next();
  });
  app.use('/v1', catalogueRoutes(gateway, deps.lastReload ?? (() => undefined)));

  app.use(() => {
    throw new RequestError('not_found', 'nothing answers at this address');
  });
  app.use(errorHandler(log, (_request, response, refusal) => sendProblem(response, refusal)));
  return app;
}
