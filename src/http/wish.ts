/** What a request wants, within what its caller may have: cascade, policy, priority. */

import type { IncomingMessage } from 'node:http';
import { RequestError } from '../errors.js';
import type { Gateway } from '../gateway/gateway.js';
import type { Wish } from '../gateway/request.js';
import { headerOf } from '../node-request.js';
import { PRIORITIES, type Priority, USUAL_PRIORITY } from '../priority.js';
import type { Caller } from './caller.js';

export const PRIORITY_HEADER = 'X-Sluice-Priority';

/**
 * @param named by the request; what it leaves open its key says, else the gateway
 * @throws RequestError bad_header, forbidden_cascade, forbidden_policy
 */
export function wishOf(
  { key }: Caller,
  request: IncomingMessage,
  named: Pick<Wish, 'cascade' | 'policy'>,
  gateway: Pick<Gateway, 'defaultCascade' | 'defaultPolicy'>,
): Wish {
  const cascade = named.cascade ?? key?.cascade;
  const policy = named.policy ?? key?.policy;
  const check = (code: 'forbidden_cascade' | 'forbidden_policy', name: string, allowed?: readonly string[]) => {
    if (allowed === undefined || allowed.includes(name)) return;
    const what = code === 'forbidden_cascade' ? 'cascade' : 'policy';
    throw new RequestError(code, `this key may not use the ${what} "${name}"; it may use: ${allowed.join(', ')}`);
  };
  const wanted = cascade ?? gateway.defaultCascade;
  // None is served before the lanes are warm, and that is what the gateway will say.
  if (wanted !== '') check('forbidden_cascade', wanted, key?.cascades);
  check('forbidden_policy', policy ?? gateway.defaultPolicy, key?.policies);
  const asked = priorityOf(request);
  // A key of batch is batch whatever its requests say.
  const priority = key?.priority === 'batch' ? 'batch' : asked;
  return { cascade, policy, priority, header: (name) => headerOf(request, name) };
}

/** @throws RequestError bad_header */
function priorityOf(request: IncomingMessage): Priority {
  const given = headerOf(request, PRIORITY_HEADER);
  if (given === undefined) return USUAL_PRIORITY;
  const priority = PRIORITIES.find((each) => each === given.trim().toLowerCase());
  if (priority !== undefined) return priority;
  throw new RequestError('bad_header', `the header ${PRIORITY_HEADER} is wrong; allowed: ${PRIORITIES.join(', ')}`);
}
