/** What a call can fail with. A call that the caller aborts rejects with the reason of its signal, as `fetch` does. */

import type { Problem } from './types.js';

/** The gateway, or what stands before it, said no, or what it said is no answer. */
export class SluiceProblem extends Error implements Problem {
  override readonly name = 'SluiceProblem';
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  /** Stable, for programs: `overloaded`, `damaged_image` ...; `unknown` where the answer is not one of a gateway. */
  readonly code: string;
  /** As Retry-After says it. */
  readonly retryAfterSeconds: number | undefined;
  /** What the gateway's log calls this request. */
  readonly requestId: string | undefined;

  constructor(problem: Problem, retryAfterSeconds?: number, requestId?: string) {
    super(`${problem.title}: ${problem.detail}`);
    this.type = problem.type;
    this.title = problem.title;
    this.status = problem.status;
    this.detail = problem.detail;
    this.code = problem.code;
    this.retryAfterSeconds = retryAfterSeconds;
    this.requestId = requestId;
  }
}

/** There was no answer: `cause` is what `fetch` threw, and the message ends with what lies at the bottom of it. */
export class SluiceUnreachable extends Error {
  override readonly name = 'SluiceUnreachable';

  constructor(baseUrl: string, cause: unknown) {
    super(`no answer from ${baseUrl}: ${reasonOf(cause)}`, { cause });
  }
}

/** Node says "fetch failed", and why in the cause of that; of a name with several addresses there are several. */
function reasonOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  if (thrown.cause instanceof Error) return reasonOf(thrown.cause);
  if (thrown instanceof AggregateError && thrown.errors.length > 0) return thrown.errors.map(reasonOf).join(', ');
  const { code } = thrown as { code?: unknown };
  const said = thrown.message.trim();
  if (typeof code !== 'string' || said.includes(code)) return said === '' ? thrown.name : said;
  return said === '' ? code : `${said} (${code})`;
}

/** The deadline passed, and an answer could not come any more. */
export class SluiceTimeout extends Error {
  override readonly name = 'SluiceTimeout';

  constructor(deadlineMs: number) {
    super(`no answer within ${deadlineMs} ms`);
  }
}
