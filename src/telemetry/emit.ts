/** Makes OpenTelemetry's spans of planned ones. */

import {
  type Context,
  type HrTime,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import type { TraceContext } from '../lane/messages.js';
import type { SpanPlan } from './spans.js';

/**
 * @param under span above it; without one it begins a trace
 * @param epochMs zero of the host's clock, milliseconds since the epoch
 */
export function emit(tracer: Tracer, plan: SpanPlan, under: Context, epochMs: number): void {
  const at = (hostMs: number) => timeOf(epochMs + hostMs);
  const links = (plan.links ?? []).map((to) => ({ context: sampled(to) }));
  const { name, attributes } = plan;
  const span = tracer.startSpan(
    name,
    { kind: SpanKind.INTERNAL, startTime: at(plan.fromMs), attributes, links },
    under,
  );
  for (const event of plan.events ?? []) span.addEvent(event.name, event.attributes, at(event.atMs));
  if (plan.failed) span.setStatus({ code: SpanStatusCode.ERROR });
  const here = trace.setSpan(under, span);
  for (const child of plan.children ?? []) emit(tracer, child, here, epochMs);
  span.end(at(plan.toMs));
}

/** Milliseconds since the epoch as seconds and nanoseconds: a number could be taken for one of `performance.now`. */
export function timeOf(epochMs: number): HrTime {
  return [Math.floor(epochMs / 1000), Math.floor((epochMs % 1000) * 1e6)];
}

function sampled({ traceId, spanId }: TraceContext): SpanContext {
  return { traceId, spanId, traceFlags: TraceFlags.SAMPLED };
}
