/**
 * Set up in every test file: each answer of a gateway that a test gets, by fetch or by supertest, is held against /openapi.json.
 * One that the document does not have fails the test that asked, whatever that test looks at.
 */

import supertest from 'supertest';
import type { HttpAnswer } from './documented.js';

/** Only where a gateway is asked: most test files ask none. */
const documented = () => import('./documented.js');

/** Every answer of a gateway has it; those of its metrics address and of other programs do not. */
const MARK = 'x-request-id';

const plainFetch = globalThis.fetch;
globalThis.fetch = async (input, init) => {
  const response = await plainFetch(input, init);
  if (!response.headers.has(MARK)) return response;
  // Whoever asks hears of a connection that breaks later as it would without this.
  const text = await response
    .clone()
    .text()
    .catch(() => undefined);
  const url = new URL(input instanceof Request ? input.url : input);
  const method = init?.method ?? (input instanceof Request ? input.method : 'GET');
  const { status, headers } = response;
  await refuse({ method: method.toUpperCase(), path: url.pathname, status, header: (name) => headers.get(name), text });
  return response;
};

async function refuse(answer: HttpAnswer): Promise<void> {
  const wrong = (await documented()).undocumented(answer);
  if (wrong !== undefined) throw new Error(wrong);
}

type Done = (error: Error | null, response?: supertest.Response) => void;
interface Checked {
  readonly method: string;
  readonly url: string;
  assert(error: Error | null, response: supertest.Response | undefined, done: Done): void;
}

const tests = (supertest as unknown as { Test: { prototype: Checked } }).Test.prototype;
const plainAssert = tests.assert;
tests.assert = function (this: Checked, error, response, done) {
  if (response?.headers[MARK] === undefined) {
    plainAssert.call(this, error, response, done);
    return;
  }
  const { status, headers } = response;
  const path = new URL(this.url).pathname;
  // Superagent leaves no text of what is no text.
  const answer = { method: this.method, path, status, header: (name: string) => headers[name.toLowerCase()] };
  refuse({ ...answer, text: response.text }).then(
    () => plainAssert.call(this, error, response, done),
    (wrong: Error) => done(wrong, response),
  );
};
