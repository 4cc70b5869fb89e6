/** The trace of one request: its own span begins with it, all others are made at its end, of what was noted on the way. */

import type { IncomingMessage } from 'node:http';
import {
  type Attributes,
  type Context,
  createTraceState,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import {
  ATTR_CLIENT_ADDRESS,
  ATTR_ERROR_TYPE,
  ATTR_HTTP_REQUEST_METHOD,
  ATTR_HTTP_RESPONSE_STATUS_CODE,
  ATTR_HTTP_ROUTE,
  ATTR_NETWORK_PROTOCOL_VERSION,
  ATTR_SERVER_ADDRESS,
  ATTR_SERVER_PORT,
  ATTR_URL_PATH,
  ATTR_URL_QUERY,
  ATTR_URL_SCHEME,
  ATTR_USER_AGENT_ORIGINAL,
} from '@opentelemetry/semantic-conventions';
import { hostEpochMs, hostMs } from '../clock.js';
import { Journey } from '../gateway/journey.js';
import { addressOf, headerOf, isEncrypted, targetOf } from '../node-request.js';
import { emit, timeOf } from './emit.js';
import { answerAttributes, pictureSpans, spansOf } from './spans.js';
import { parseTraceParent, traceParentOf } from './trace-context.js';
import type { Outcome, RequestNames, RequestTrace } from './tracing.js';

export class OpenRequest implements RequestTrace {
  readonly traceparent: string;
  readonly journey: Journey | undefined;
  readonly #tracer: Tracer;
  readonly #request: IncomingMessage;
  readonly #named: RequestNames;
  readonly #span: Span;
  readonly #epochMs = hostEpochMs();

  /** @param takesParent the caller's trace goes on here, if it sent one */
  constructor(tracer: Tracer, request: IncomingMessage, named: RequestNames, takesParent: boolean) {
    this.#tracer = tracer;
    this.#request = request;
    this.#named = named;
    const startedMs = hostMs();
    const name = `${request.method} ${named.route}`;
    const startTime = timeOf(this.#epochMs + startedMs);
    const above = takesParent ? parentOf(request) : ROOT_CONTEXT;
    this.#span = tracer.startSpan(name, { kind: SpanKind.SERVER, startTime }, above);
    const { traceId, spanId, traceFlags } = this.#span.spanContext();
    const sampled = (traceFlags & TraceFlags.SAMPLED) !== 0;
    this.traceparent = traceParentOf({ traceId, spanId, sampled });
    this.journey = sampled ? new Journey({ traceId, spanId }, startedMs) : undefined;
  }

  end({ status, result, results, problem }: Outcome): void {
    if (this.journey === undefined) return;
    const span = this.#span;
    const endMs = hostMs();
    const here = trace.setSpan(ROOT_CONTEXT, span);
    const plans = [...spansOf(this.journey, endMs, result), ...pictureSpans(this.journey, endMs, results)];
    for (const plan of plans) emit(this.#tracer, plan, here, this.#epochMs);
    span.setAttributes({
      ...httpAttributes(this.#request),
      [ATTR_HTTP_ROUTE]: this.#named.route,
      'sluice.request.id': this.#named.id,
      ...journeyAttributes(this.journey),
      ...(result === undefined ? {} : answerAttributes(result)),
      ...(problem === undefined ? {} : { 'sluice.problem': problem }),
    });
    if (status !== undefined) span.setAttribute(ATTR_HTTP_RESPONSE_STATUS_CODE, status);
    // As the conventions for servers have it: what a caller did wrong is no error of the server's span.
    if (problem !== undefined && (status === undefined || status >= 500)) span.setAttribute(ATTR_ERROR_TYPE, problem);
    if (status !== undefined && status >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
    span.end(timeOf(this.#epochMs + endMs));
  }
}

function journeyAttributes({ plan, bytes, elements }: Journey): Attributes {
  return {
    ...(plan === undefined
      ? {}
      : {
          'sluice.cascade': plan.cascade,
          'sluice.policy': plan.policy,
          'sluice.policy.version': plan.version,
          ...(plan.point === undefined ? {} : { 'sluice.point': plan.point }),
        }),
    ...(elements.length === 0 ? {} : { 'sluice.pictures': elements.length }),
    ...(bytes === undefined ? {} : { 'sluice.image.bytes': bytes }),
  };
}

function parentOf(request: IncomingMessage): Context {
  const parent = parseTraceParent(headerOf(request, 'traceparent'));
  if (parent === undefined) return ROOT_CONTEXT;
  const { traceId, spanId, sampled } = parent;
  const traceFlags = sampled ? TraceFlags.SAMPLED : TraceFlags.NONE;
  const state = headerOf(request, 'tracestate');
  const traceState = state === undefined ? {} : { traceState: createTraceState(state) };
  return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags, isRemote: true, ...traceState });
}

/** https://opentelemetry.io/docs/specs/semconv/http/http-spans/#http-server-span */
function httpAttributes(request: IncomingMessage): Attributes {
  const { path, query } = targetOf(request);
  const [, address, port] = /^(\[[^\]]+\]|[^:]+)(?::(\d+))?$/.exec(request.headers.host ?? '') ?? [];
  const caller = addressOf(request);
  const agent = request.headers['user-agent'];
  return {
    [ATTR_HTTP_REQUEST_METHOD]: request.method,
    [ATTR_URL_SCHEME]: isEncrypted(request) ? 'https' : 'http',
    [ATTR_URL_PATH]: path,
    ...(query === '' ? {} : { [ATTR_URL_QUERY]: query }),
    ...(address === undefined ? {} : { [ATTR_SERVER_ADDRESS]: address }),
    ...(port === undefined ? {} : { [ATTR_SERVER_PORT]: Number(port) }),
    ...(caller === undefined ? {} : { [ATTR_CLIENT_ADDRESS]: caller }),
    ...(agent === undefined ? {} : { [ATTR_USER_AGENT_ORIGINAL]: agent }),
    [ATTR_NETWORK_PROTOCOL_VERSION]: request.httpVersion,
  };
}
