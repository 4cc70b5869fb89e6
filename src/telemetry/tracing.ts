/** Traces, seen from where requests come in. OpenTelemetry is loaded only where its variables ask for it. */

import type { IncomingMessage } from 'node:http';
import type { RequestErrorCode } from '../errors.js';
import type { ClassifyResult } from '../gateway/gateway.js';
import type { Journey } from '../gateway/journey.js';
import type { BatchRun } from '../lane/messages.js';
import type { Logger } from './log.js';
import { traceSettings } from './trace-environment.js';

/** What traces call a request. */
export interface RequestNames {
  /** As its answer names it. */
  readonly id: string;
  /** The path under which it is answered, with its parameters as they are called. */
  readonly route: string;
}

export interface Tracing {
  start(request: IncomingMessage, named: RequestNames): RequestTrace;
  /** Runs with pictures of sampled requests in them. */
  laneTraced(lane: number, runs: readonly BatchRun[]): void;
  /** Sends what is not sent yet. False: there was no time for all of it, and the exporter still tries. Idempotent. */
  close(): Promise<boolean>;
}

export interface RequestTrace {
  /** The span of the request, as a header; also of requests that are not sampled. */
  readonly traceparent: string;
  /** Where the times of a sampled request are noted. */
  readonly journey: Journey | undefined;
  end(outcome: Outcome): void;
}

/** How a request ended. */
export interface Outcome {
  /** Undefined when the caller left before there was one. */
  readonly status: number | undefined;
  readonly result?: ClassifyResult;
  /** Of a batch, by picture. */
  readonly results?: readonly ClassifyResult[];
  /** Why there is no result. */
  readonly problem?: RequestErrorCode;
}

/** @returns undefined where the variables ask for no traces */
export async function openTracing(
  environment: Readonly<Record<string, string | undefined>>,
  log: Logger,
): Promise<Tracing | undefined> {
  const warn = (variable: string, reason: string) => log.warn({ variable, reason }, 'variable is ignored');
  const settings = traceSettings(environment, warn);
  if (settings.exporters.length === 0) return undefined;
  const { startOpenTelemetry } = await import('./opentelemetry.js');
  return startOpenTelemetry(settings, log);
}
