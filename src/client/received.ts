/** What came, read to its end, and what it means. */

import { SluiceProblem } from './errors.js';
import { secondsOf } from './retry.js';
import type { Problem } from './types.js';

export interface Received {
  readonly response: Response;
  readonly text: string;
}

/** @throws SluiceProblem where it is no JSON: a proxy between may answer with anything, with 200 too */
export function answerOf<Answer>(received: Received): Answer {
  try {
    return JSON.parse(received.text) as Answer;
  } catch {
    throw problemWith(unknown(received, 'The answer is not JSON'), received);
  }
}

export function problemOf(received: Received): SluiceProblem {
  const { status, statusText, headers } = received.response;
  const told = unknown(received, statusText === '' ? `HTTP ${status}` : statusText);
  if (/^application\/problem\+json\b/.test(headers.get('Content-Type') ?? '')) {
    try {
      // Over what the status says: a problem of something between need not have all that one of a gateway has.
      return problemWith({ ...told, ...(JSON.parse(received.text) as Partial<Problem>) }, received);
    } catch {
      // Cut off on its way: what the status says is still true.
    }
  }
  return problemWith(told, received);
}

function unknown({ response, text }: Received, title: string): Problem {
  return { type: 'about:blank', title, status: response.status, detail: text.slice(0, 200), code: 'unknown' };
}

/** With what the headers tell: seconds of Retry-After, id of the request. */
function problemWith(problem: Problem, { response: { headers } }: Received): SluiceProblem {
  const retryAfterSeconds = secondsOf(headers.get('Retry-After'), Date.now());
  return new SluiceProblem(problem, retryAfterSeconds, headers.get('X-Request-Id') ?? undefined);
}
