/** The Express app: routes, and one place where errors become problems. */

import type { RequestListener } from 'node:http';
import { parse } from 'node:querystring';
import express, { type Express, type RequestHandler } from 'express';
import type { z } from 'zod';
import { RequestError } from '../errors.js';
import { targetOf } from '../node-request.js';
import type { Index } from './answers.js';
import { begin } from './begin.js';
import { catalogueRoutes, type ShownReload } from './catalogue.js';
import { CLASSIFY, type ClassifyDeps, type ClassifyHandler, classifyHandler } from './classify.js';
import { type ConsoleFiles, consoleRoutes } from './console.js';
import { errorHandler } from './error-handler.js';
import { metricsRoute } from './metrics-app.js';
import { only, onlyGet } from './only.js';
import { openApiRoute } from './openapi/route.js';
import { probeRoutes } from './probes.js';
import { Uploads } from './uploads.js';
import { inferenceRoutes } from './v2/routes.js';

export interface AppDeps extends Omit<ClassifyDeps, 'uploads'> {
  /** Largest picture, bytes. */
  readonly maxBytes: number;
  /** Of all pictures that are on their way, bytes; by default without a limit. */
  readonly uploadBytes?: number;
  /** /metrics has an address of its own. */
  readonly metricsElsewhere?: boolean;
  /** Where models and policies are reloaded. */
  readonly lastReload?: () => ShownReload | undefined;
  /** The page at `/`; without it, `/` is JSON for everybody. */
  readonly console?: ConsoleFiles | undefined;
}

/** Pictures go to their handler at once: Express would take a tenth of a millisecond of each, twice what a refusal takes. */
export function createApp(deps: AppDeps): RequestListener {
  const { maxBytes, uploadBytes } = deps;
  const handled = { ...deps, uploads: new Uploads({ maxBytes, totalBytes: uploadBytes }) };
  const classify = classifyHandler(handled);
  const app = createExpress(handled, classify);
  return (request, response) => {
    const { path, query } = targetOf(request);
    if (request.method !== 'POST' || path !== CLASSIFY) {
      app(request, response);
      return;
    }
    const id = begin(request, response);
    classify(request, response, { id, query: parse(query) }).catch((error) => {
      deps.log.error({ id, err: error }, 'request failed');
      response.destroy();
    });
  };
}

function createExpress(deps: AppDeps & ClassifyDeps, classify: ClassifyHandler): Express {
  const { gateway, metrics, log, lastReload = () => undefined } = deps;
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', 'simple');
  app.use((request, response, next) => {
    response.locals.id = begin(request, response);
    next();
  });

  // With a slash behind it, or in capitals.
  app
    .route(CLASSIFY)
    .post((request, response) =>
      classify(request, response, { id: response.locals.id, query: parse(targetOf(request).query) }),
    )
    .all(only('POST'));
  app.use(inferenceRoutes(deps));
  const get = (path: string, handler: RequestHandler) => app.route(path).get(handler).all(onlyGet);
  app.use(probeRoutes(gateway));
  get('/openapi.json', openApiRoute());
  if (metrics !== undefined && deps.metricsElsewhere !== true) get('/metrics', metricsRoute(metrics));
  if (deps.console !== undefined) app.use(consoleRoutes(deps.console, deps, lastReload));
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
  app.use('/v1', async (request, response, next) => {
    response.locals.caller = await deps.auth.admit(request);
    next();
  });
  app.use('/v1', catalogueRoutes(gateway, lastReload));

  app.use(() => {
    throw new RequestError('not_found', 'nothing answers at this address');
  });
  app.use(errorHandler(log, 'v1'));
  return app;
}
