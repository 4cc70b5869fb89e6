/** W3C Trace Context (https://www.w3.org/TR/trace-context/): the `traceparent` header, in and out. Pure. */

import type { TraceContext } from '../lane/messages.js';

export interface TraceParent extends TraceContext {
  readonly sampled: boolean;
}

/** Version, trace, span, flags; later versions may say more behind them. */
const FORM = /^(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

/** Undefined where the header is missing or not what the standard says: then a new trace begins. */
export function parseTraceParent(header: string | undefined): TraceParent | undefined {
  const [, version, traceId, spanId, flags, more] = FORM.exec(header ?? '') ?? [];
  if (traceId === undefined || (version === '00' && more !== undefined)) return undefined;
  return { traceId, spanId: spanId!, sampled: (Number.parseInt(flags!, 16) & 1) === 1 };
}

export function traceParentOf({ traceId, spanId, sampled }: TraceParent): string {
  return `00-${traceId}-${spanId}-${sampled ? '01' : '00'}`;
}

/** What log lines carry of it, by the names that OpenTelemetry gives to logs of other formats. */
export function logFieldsOf(header: string | undefined): Record<string, string> | undefined {
  if (header === undefined) return undefined;
  const parent = parseTraceParent(header);
  if (parent === undefined) return undefined;
  return { trace_id: parent.traceId, span_id: parent.spanId, trace_flags: parent.sampled ? '01' : '00' };
}
