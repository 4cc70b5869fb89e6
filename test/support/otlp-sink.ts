/** A collector that remembers what it is sent: OTLP over HTTP. */

import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export type Value = string | number | boolean;

/** A span as OTLP/JSON sends it, its attributes as an object; times are nanoseconds since the epoch. */
export interface SinkSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
  readonly name: string;
  /** 1: internal, 2: server. */
  readonly kind: number;
  readonly from: bigint;
  readonly to: bigint;
  readonly attributes: Readonly<Record<string, Value>>;
  readonly events: readonly {
    readonly name: string;
    readonly at: bigint;
    readonly attributes: Record<string, Value>;
  }[];
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[];
  /** 0: unset, 2: error. */
  readonly status: number;
  readonly resource: Readonly<Record<string, Value>>;
}

export interface Delivery {
  readonly path: string;
  readonly type: string;
  readonly body: Buffer;
}

export class OtlpSink {
  readonly deliveries: Delivery[] = [];
  readonly #server: Server;
  readonly #answers: boolean;

  private constructor(answers: boolean) {
    this.#answers = answers;
    this.#server = createServer(async (request, response) => {
      const parts: Buffer[] = [];
      for await (const part of request) parts.push(part as Buffer);
      const type = request.headers['content-type'] ?? '';
      this.deliveries.push({ path: request.url ?? '', type, body: Buffer.concat(parts) });
      // Empty is right in both encodings: all was taken.
      if (this.#answers) response.setHeader('Content-Type', type).end(type.includes('json') ? '{}' : '');
    });
  }

  /** @param answers false: takes what it is sent and never says so */
  static async start(answers = true): Promise<OtlpSink> {
    const sink = new OtlpSink(answers);
    sink.#server.listen(0, '127.0.0.1');
    await once(sink.#server, 'listening');
    return sink;
  }

  /** For OTEL_EXPORTER_OTLP_ENDPOINT. */
  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Of what came as JSON. */
  get spans(): readonly SinkSpan[] {
    const json = this.deliveries.filter(({ type }) => type.includes('json'));
    return json.flatMap(({ body }) => spansOf(JSON.parse(body.toString()) as ExportRequest));
  }

  /** In the order in which they began. */
  trace(traceId: string): readonly SinkSpan[] {
    const spans = this.spans.filter((span) => span.traceId === traceId);
    return spans.sort((a, b) => (a.from < b.from ? -1 : a.from > b.from ? 1 : 0));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

type KeyValues = readonly { readonly key: string; readonly value: Readonly<Record<string, Value>> }[];

/** https://github.com/open-telemetry/opentelemetry-proto: ExportTraceServiceRequest, as far as it is read here. */
interface ExportRequest {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: KeyValues };
    readonly scopeSpans: readonly {
      readonly spans: readonly {
        readonly traceId: string;
        readonly spanId: string;
        readonly parentSpanId?: string;
        readonly name: string;
        readonly kind: number;
        readonly startTimeUnixNano: string;
        readonly endTimeUnixNano: string;
        readonly attributes: KeyValues;
        readonly events?: readonly { name: string; timeUnixNano: string; attributes: KeyValues }[];
        readonly links?: readonly { traceId: string; spanId: string }[];
        readonly status?: { readonly code?: number };
      }[];
    }[];
  }[];
}

function spansOf(request: ExportRequest): SinkSpan[] {
  return request.resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ spans }) =>
      spans.map(({ startTimeUnixNano, endTimeUnixNano, attributes, events, links, status, ...span }) => ({
        ...span,
        parentSpanId: span.parentSpanId || undefined,
        from: BigInt(startTimeUnixNano),
        to: BigInt(endTimeUnixNano),
        attributes: valuesOf(attributes),
        events: (events ?? []).map((event) => ({
          name: event.name,
          at: BigInt(event.timeUnixNano),
          attributes: valuesOf(event.attributes),
        })),
        links: (links ?? []).map(({ traceId, spanId }) => ({ traceId, spanId })),
        status: status?.code ?? 0,
        resource: valuesOf(resource.attributes),
      })),
    ),
  );
}

function valuesOf(attributes: KeyValues): Record<string, Value> {
  return Object.fromEntries(
    attributes.map(({ key, value: { stringValue, boolValue, intValue, doubleValue } }) => [
      key,
      stringValue ?? boolValue ?? Number(intValue ?? doubleValue),
    ]),
  );
}
