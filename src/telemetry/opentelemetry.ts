/** OpenTelemetry's SDK as its variables ask for it. Loaded by `tracing.ts` only where they do. */

import type { IncomingMessage } from 'node:http';
import { DiagLogLevel, diag, ROOT_CONTEXT, type Tracer } from '@opentelemetry/api';
import { detectResources, envDetector, type Resource, resourceFromAttributes } from '@opentelemetry/resources';
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BatchSpanProcessor,
  ConsoleSpanExporter,
  type IdGenerator,
  ParentBasedSampler,
  type Sampler,
  SimpleSpanProcessor,
  type SpanProcessor,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import { ATTR_SERVICE_NAME, ATTR_SERVICE_VERSION } from '@opentelemetry/semantic-conventions';
import { hostEpochMs } from '../clock.js';
import type { BatchRun, TraceContext } from '../lane/messages.js';
import { version } from '../version.js';
import { emit } from './emit.js';
import type { Logger } from './log.js';
import { OpenRequest } from './request-trace.js';
import { batchSpan } from './spans.js';
import type { TraceSettings } from './trace-environment.js';
import type { RequestNames, RequestTrace, Tracing } from './tracing.js';

/** At the end, spans that no collector has taken after this time are given up. */
const FLUSH_MS = 3000;

export async function startOpenTelemetry(settings: TraceSettings, log: Logger): Promise<Tracing> {
  const say = (level: 'warn' | 'error') => (reason: string) => log[level]({ reason }, 'OpenTelemetry reports');
  const silent = () => {};
  diag.setLogger(
    { error: say('error'), warn: say('warn'), info: silent, debug: silent, verbose: silent },
    { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true },
  );
  return new OpenTelemetry(settings, await processorsOf(settings), log);
}

class OpenTelemetry implements Tracing {
  readonly #log: Logger;
  readonly #takesParents: boolean;
  readonly #provider: TracerProvider;
  readonly #requests: Tracer;
  /** Runs are spans that lanes have named, and are told only where a sampled request was in them. */
  readonly #runs: Tracer;
  readonly #runIds = new GivenIds();
  #closing: Promise<boolean> | undefined;

  constructor(settings: TraceSettings, spanProcessors: SpanProcessor[], log: Logger) {
    this.#log = log;
    this.#takesParents = settings.takesParents;
    const resource = resourceOf();
    this.#provider = new TracerProvider({ resource, spanProcessors, sampler: samplerOf(settings.sampler) });
    const runs = new TracerProvider({
      resource,
      spanProcessors,
      sampler: new AlwaysOnSampler(),
      idGenerator: this.#runIds,
    });
    this.#requests = this.#provider.getTracer('sluice', version);
    this.#runs = runs.getTracer('sluice', version);
  }

  start(request: IncomingMessage, named: RequestNames): RequestTrace {
    return new OpenRequest(this.#requests, request, named, this.#takesParents);
  }

  laneTraced(lane: number, runs: readonly BatchRun[]): void {
    const epochMs = hostEpochMs();
    for (const run of runs) {
      this.#runIds.next = run;
      emit(this.#runs, batchSpan(run, lane), ROOT_CONTEXT, epochMs);
    }
  }

  close(): Promise<boolean> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<false>((resolve) => {
      timer = setTimeout(() => resolve(false), FLUSH_MS);
    });
    const failed = (error: unknown) => this.#log.warn({ err: error }, 'the last traces were not taken');
    // The exporters are shared with the other provider.
    const sent = this.#provider.shutdown().catch(failed);
    const inTime = await Promise.race([sent.then(() => true), late]);
    clearTimeout(timer);
    return inTime;
  }
}

/** Gives the span that is started next the names that it has already. */
class GivenIds implements IdGenerator {
  next: TraceContext | undefined;

  generateTraceId(): string {
    return this.next!.traceId;
  }

  generateSpanId(): string {
    return this.next!.spanId;
  }
}

/** OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES have the last word. Nothing is read from the process: its flags are nobody's business. */
function resourceOf(): Resource {
  const own = { [ATTR_SERVICE_NAME]: 'sluice', [ATTR_SERVICE_VERSION]: version };
  return resourceFromAttributes(own).merge(detectResources({ detectors: [envDetector] }));
}

function samplerOf({ root, ratio, parentBased }: TraceSettings['sampler']): Sampler {
  const own = {
    always_on: () => new AlwaysOnSampler(),
    always_off: () => new AlwaysOffSampler(),
    traceidratio: () => new TraceIdRatioBasedSampler(ratio),
  }[root]();
  return parentBased ? new ParentBasedSampler({ root: own }) : own;
}

/** The exporters read where to send, with which headers and certificates, from the variables themselves. */
async function processorsOf({ exporters, protocol, batch }: TraceSettings): Promise<SpanProcessor[]> {
  const processors: SpanProcessor[] = [];
  for (const name of new Set(exporters)) {
    if (name === 'console') processors.push(new SimpleSpanProcessor({ exporter: new ConsoleSpanExporter() }));
    else processors.push(new BatchSpanProcessor({ ...batch, exporter: await otlpExporter(protocol) }));
  }
  return processors;
}

async function otlpExporter(protocol: TraceSettings['protocol']) {
  const { OTLPTraceExporter } =
    protocol === 'http/json'
      ? await import('@opentelemetry/exporter-trace-otlp-http')
      : await import('@opentelemetry/exporter-trace-otlp-proto');
  return new OTLPTraceExporter();
}
