/** GET /metrics, and the app that answers it on an address of its own (`--metrics-port`). */

import express, { type Express, type RequestHandler } from 'express';
import { RequestError } from '../errors.js';
import type { Gateway } from '../gateway/gateway.js';
import type { Logger } from '../telemetry/log.js';
import type { Metrics } from '../telemetry/metrics.js';
import { errorHandler } from './error-handler.js';
import { probeRoutes } from './probes.js';
import { securityHeaders } from './security-headers.js';
import { shared } from './shared.js';

export function metricsRoute({ registry }: Metrics): RequestHandler {
  const rendered = shared(async () => Buffer.from(await registry.metrics()));
  return async (_request, response) => {
    response.type(registry.contentType).send(await rendered());
  };
}

/** Scrapes and probes; none of what callers ask. */
export function createMetricsApp(metrics: Metrics, gateway: Gateway, log: Logger): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.use(securityHeaders);
  app.get('/metrics', metricsRoute(metrics));
  app.use(probeRoutes(gateway));
  app.use(() => {
    throw new RequestError('not_found', 'only /metrics, /livez and /readyz are answered here');
  });
  app.use(errorHandler(log, 'v1'));
  return app;
}
