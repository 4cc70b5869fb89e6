/** /livez and /readyz: on the address that callers ask, and on that of the metrics. */

import { Router } from 'express';
import type { Gateway } from '../gateway/gateway.js';

export function probeRoutes(gateway: Gateway): Router {
  const routes = Router();
  routes.get('/livez', (_request, response) => {
    response.json({ status: 'live' });
  });
  routes.get('/readyz', (_request, response) => {
    const { ready, starting } = gateway.laneCounts;
    const lanes = { ready, starting };
    response.status(gateway.ready ? 200 : 503).json({ status: gateway.ready ? 'ready' : 'not ready', lanes });
  });
  return routes;
}
