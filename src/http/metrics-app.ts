/** GET /metrics, and the app that answers it on an address of its own (`--metrics-port`). */

import express, { type ErrorRequestHandler, type Express, type RequestHandler } from 'express';
import { RequestError } from '../errors.js';
import type { Metrics } from '../telemetry/metrics.js';
import { asRequestError, sendProblem } from './problem.js';

export function metricsRoute({ registry }: Metrics): RequestHandler {
  return async (_request, response) => {
    response.type(registry.contentType).send(await registry.metrics());
  };
}

/** Scrapes and the probe of life; none of what callers ask. */
export function createMetricsApp(metrics: Metrics): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.get('/metrics', metricsRoute(metrics));
  app.get('/livez', (_request, response) => {
    response.json({ status: 'live' });
  });
  app.use((_request, response) => {
    sendProblem(response, new RequestError('not_found', 'only /metrics and /livez are answered here'));
  });
  const onError: ErrorRequestHandler = (error: unknown, _request, response, _next) =>
    sendProblem(response, asRequestError(error));
  app.use(onError);
  return app;
}
