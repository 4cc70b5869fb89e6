/** /livez and /readyz: on the address that callers ask, and on that of the metrics. */

import { Router } from 'express';
import type { z } from 'zod';
import type { Gateway } from '../gateway/gateway.js';
import type { Live, Ready } from './answers.js';
import { onlyGet } from './only.js';

export function probeRoutes(gateway: Gateway): Router {
  const routes = Router();
  const live = routes.route('/livez').get((_request, response) => {
    response.json({ status: 'live' } satisfies z.output<typeof Live>);
  });
  const ready = routes.route('/readyz').get((_request, response) => {
    const { ready: warm, starting } = gateway.laneCounts;
    const status = gateway.ready ? 'ready' : 'not ready';
    const body: z.output<typeof Ready> = { status, lanes: { ready: warm, starting } };
    response.status(gateway.ready ? 200 : 503).json(body);
  });
  for (const route of [live, ready]) route.all(onlyGet);
  return routes;
}
