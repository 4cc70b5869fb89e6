/** What became of requests that were sent open-loop: counts and quantiles of those in a stretch of time. */

import type { Sent } from './open-load.js';

export interface Outcome {
  readonly sent: number;
  /** Share of the requests: answered with 200, refused with 503, too late (504), anything else. */
  readonly answered: number;
  readonly refused: number;
  readonly late: number;
  readonly other: number;
  /** Requests without an answer of status 200. */
  readonly failed: number;
  /** Answers that came within the stretch, a second. */
  readonly goodput: number;
  /** Milliseconds of the answers. */
  readonly p50_ms: number;
  readonly p95_ms: number;
  readonly p99_ms: number;
  /** As the gateway counts: from the last byte of the picture, so without what sender, kernel and event loop took before. */
  readonly gateway_p99_ms: number;
}

/** @param fromMs of the requests sent in this stretch */
export function outcomeOf(sent: readonly Sent[], fromMs: number, forMs: number): Outcome {
  const during = sent.filter(({ atMs }) => atMs >= fromMs && atMs < fromMs + forMs);
  const count = (isIt: (status: number) => boolean) => during.filter(({ status }) => isIt(status)).length;
  const share = (part: number) => Number((part / Math.max(1, during.length)).toFixed(4));
  const answers = during.filter(({ status }) => status === 200);
  const isWithin = (ms: number) => ms >= fromMs && ms < fromMs + forMs;
  const came = sent.filter(({ status, atMs, ms }) => status === 200 && isWithin(atMs + ms)).length;
  const millis = answers.map(({ ms }) => ms).sort((a, b) => a - b);
  const inGateway = answers.map(({ gatewayMs }) => gatewayMs).sort((a, b) => a - b);
  const at = (q: number) => Number((millis[Math.floor(q * (millis.length - 1))] ?? Number.NaN).toFixed(1));
  return {
    sent: during.length,
    answered: share(answers.length),
    refused: share(count((status) => status === 503)),
    late: share(count((status) => status === 504)),
    other: share(count((status) => ![200, 503, 504].includes(status))),
    failed: during.length - answers.length,
    goodput: Number(((1000 * came) / forMs).toFixed(1)),
    p50_ms: at(0.5),
    p95_ms: at(0.95),
    p99_ms: at(0.99),
    gateway_p99_ms: Number((inGateway[Math.floor(0.99 * (inGateway.length - 1))] ?? Number.NaN).toFixed(1)),
  };
}

/** What every benchmark of admission sends its pictures to. */
export interface Target {
  readonly cascade: string;
  readonly policy: string;
}

export function pathOf({ cascade, policy }: Target, deadlineMs?: number): string {
  const deadline = deadlineMs === undefined ? '' : `&deadline_ms=${deadlineMs}`;
  return `/v1/classify?cascade=${cascade}&policy=${policy}${deadline}`;
}
