/** Errors in the Open Inference Protocol's shape, with the status codes of http/problem. */

import type { ErrorRequestHandler, Request, Response } from 'express';
import { RequestError } from '../../errors.js';
import type { Logger } from '../../telemetry/log.js';
import { logFieldsOf } from '../../telemetry/trace-context.js';
import { linger } from '../linger.js';
import { asRequestError, problemOf, setErrorHeaders } from '../problem.js';

export function refuse(request: Request, response: Response, error: RequestError): void {
  if (!response.headersSent && !response.destroyed) {
    setErrorHeaders(response, error);
    response
      .status(problemOf(error).status)
      .type('application/json')
      .send(JSON.stringify({ error: error.detail }));
  }
  linger(request);
}

/** For all below /v2 that no route has answered. */
export function refusals(log: Logger): ErrorRequestHandler {
  return (error: unknown, request, response, _next) => {
    // Express throws its own for addresses that cannot be decoded.
    const isAddress = !(error instanceof RequestError) && (error as { status?: unknown }).status === 400;
    const refusal = isAddress ? new RequestError('bad_query', 'the address cannot be decoded') : asRequestError(error);
    if (refusal.code === 'internal') {
      const traced = logFieldsOf(request.get('traceparent'));
      log.error({ id: response.locals.id, ...traced, err: error }, 'request failed');
    }
    refuse(request, response, refusal);
  };
}
