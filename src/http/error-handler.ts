/** What routes have thrown and nobody has answered: made a refusal, logged where it is our mistake, and told the caller. */

import type { ErrorRequestHandler } from 'express';
import { RequestError } from '../errors.js';
import type { Logger } from '../telemetry/log.js';
import { logFieldsOf } from '../telemetry/trace-context.js';
import { asRequestError } from './problem.js';
import { type Protocol, refuse } from './refusal.js';

/** @param protocol that is spoken at the addresses below it */
export function errorHandler(log: Logger, protocol: Protocol): ErrorRequestHandler {
  return (error: unknown, request, response, _next) => {
    const refusal = translate(error);
    if (refusal.code === 'internal') {
      const traced = logFieldsOf(request.get('traceparent'));
      log.error({ id: response.locals.id, ...traced, err: error }, 'request failed');
    }
    refuse(request, response, refusal, protocol);
  };
}

/** Express throws its own errors for addresses that cannot be decoded. */
function translate(error: unknown): RequestError {
  const status = (error as { status?: unknown }).status;
  if (!(error instanceof RequestError) && status === 400)
    return new RequestError('bad_query', 'the address cannot be decoded');
  return asRequestError(error);
}
