/** Errors in the Open Inference Protocol's shape, with the status codes of http/problem. */

import type { Request, Response } from 'express';
import type { RequestError } from '../../errors.js';
import { linger } from '../linger.js';
import { problemOf, setErrorHeaders } from '../problem.js';

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
