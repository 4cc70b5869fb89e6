/** Other methods at an address that is there. */

import type { RequestHandler } from 'express';
import { RequestError } from '../errors.js';

/** @param methods as the Allow header lists them */
export function only(methods: string): RequestHandler {
  return (_request, response) => {
    response.setHeader('Allow', methods);
    throw new RequestError('method_not_allowed', `only ${methods} is answered here`);
  };
}

/** Where GET is answered, Express answers HEAD too. */
export const onlyGet = only('GET, HEAD');
