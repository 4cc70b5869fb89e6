/** From what was noted of a request to its spans. Pure. */

import type { ClassifyResult } from '../gateway/gateway.js';
import type { Attempt, Journey } from '../gateway/journey.js';
import type { BatchRun, Interval, StageTiming, TraceContext } from '../lane/messages.js';

export type Attributes = Readonly<Record<string, string | number | boolean>>;

/** A span to be made; times are of the host's clock. */
export interface SpanPlan extends Interval {
  readonly name: string;
  readonly attributes: Attributes;
  readonly links?: readonly TraceContext[];
  readonly events?: readonly { readonly name: string; readonly atMs: number; readonly attributes: Attributes }[];
  readonly failed?: boolean;
  readonly children?: readonly SpanPlan[];
}

type Noted = Pick<Journey, 'startedMs' | 'admittedMs' | 'receivedMs' | 'attempts' | 'waitingFromMs'>;

/**
 * The spans below that of the request, in the order of time: admission, receive, then for each lane that had it queue and lane.
 * What was not finished at the end ends there.
 */
export function spansOf(noted: Noted, endMs: number, result?: ClassifyResult): readonly SpanPlan[] {
  const { startedMs, admittedMs, receivedMs } = noted;
  const spans = [span('admission', startedMs, admittedMs ?? endMs)];
  if (admittedMs !== undefined) spans.push(span('receive', admittedMs, receivedMs ?? endMs));
  return [...spans, ...attemptSpans(noted, endMs, result)];
}

/** Of a batch: a span for each picture, with its queues and lanes below it. @param results of all pictures, or of none */
export function pictureSpans(
  { elements }: { readonly elements: readonly Noted[] },
  endMs: number,
  results?: readonly ClassifyResult[],
): readonly SpanPlan[] {
  return elements.map((noted, index) => {
    const result = results?.[index];
    const children = attemptSpans(noted, endMs, result);
    const attributes = { 'sluice.picture': index, ...(result === undefined ? {} : answerAttributes(result)) };
    return { ...span('picture', noted.startedMs, children.at(-1)?.toMs ?? endMs, attributes), children };
  });
}

/** For each lane that had the picture, queue and lane. */
function attemptSpans({ attempts, waitingFromMs }: Noted, endMs: number, result?: ClassifyResult): SpanPlan[] {
  const spans: SpanPlan[] = [];
  for (const [index, attempt] of attempts.entries()) {
    spans.push(span('queue', attempt.waitedFromMs, attempt.fromMs));
    spans.push(laneSpan(attempt, index + 1, endMs, result));
  }
  if (waitingFromMs !== undefined) spans.push(span('queue', waitingFromMs, endMs));
  return spans;
}

function laneSpan(attempt: Attempt, number: number, endMs: number, result?: ClassifyResult): SpanPlan {
  const { lane, fromMs, toMs, outcome, timings } = attempt;
  const decodes = (timings?.decodes ?? []).map(({ resolution, waitedMs, ...at }) =>
    span('decode', at.fromMs, at.toMs, { 'sluice.resolution': resolution, 'sluice.wait_ms': rounded(waitedMs) }),
  );
  const children = [...decodes, ...(timings?.stages ?? []).map(stageSpan)].sort((a, b) => a.fromMs - b.fromMs);
  const died = outcome === 'died';
  return {
    ...span('lane', fromMs, toMs ?? endMs, {
      'sluice.lane': lane,
      'sluice.attempt': number,
      'sluice.outcome': outcome ?? 'given up',
      ...(died ? { 'error.type': 'lane_died' } : {}),
    }),
    failed: died,
    children,
    ...(timings === undefined || result === undefined
      ? {}
      : { events: [{ name: 'exit', atMs: timings.decidedMs, attributes: exitAttributes(result) }] }),
  };
}

function stageSpan(stage: StageTiming): SpanPlan {
  const { rung, exit, score, threshold, exited, macs, batch, batchSize, waitedMs } = stage;
  return {
    ...span(nameOf(stage), stage.fromMs, stage.toMs, {
      'sluice.rung': rung,
      'sluice.exit': exit,
      'sluice.score': score,
      ...(threshold === null ? {} : { 'sluice.threshold': threshold }),
      'sluice.exited': exited,
      'sluice.macs': macs,
      'sluice.batch.size': batchSize,
      'sluice.wait_ms': rounded(waitedMs),
    }),
    links: [batch],
  };
}

/** The run itself, which links to the requests whose pictures were in it. */
export function batchSpan(run: BatchRun, lane: number): SpanPlan {
  return {
    ...span(`batch ${nameOf(run)}`, run.fromMs, run.toMs, {
      'sluice.cascade': run.cascade,
      'sluice.rung': run.rung,
      'sluice.exit': run.exit,
      'sluice.batch.size': run.size,
      'sluice.lane': lane,
    }),
    links: run.requests,
  };
}

/** What the span of a request says of how it was answered. */
export function answerAttributes(result: ClassifyResult): Attributes {
  return { ...exitAttributes(result), 'sluice.macs': result.answer.macs, 'sluice.full_macs': result.fullMacs };
}

function exitAttributes({ answer, cascade }: ClassifyResult): Attributes {
  return {
    'sluice.rung': cascade.rungs[answer.rung]!.id,
    'sluice.exit': answer.exit,
    'sluice.score': answer.score,
    'sluice.reason': answer.reason,
  };
}

function nameOf({ rung, exit }: { readonly rung: string; readonly exit: number }): string {
  return `stage ${rung} exit ${exit}`;
}

function span(name: string, fromMs: number, toMs: number, attributes: Attributes = {}): SpanPlan {
  return { name, fromMs, toMs: Math.max(fromMs, toMs), attributes };
}

function rounded(ms: number): number {
  return Number(ms.toFixed(3));
}
