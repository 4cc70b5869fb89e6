/** OpenTelemetry's own variables (https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/), as far as they are about traces. */

import { z } from 'zod';

const list = <T extends string>(...allowed: readonly T[]) =>
  z
    .string()
    .transform((text) => text.split(',').map((each) => each.trim()))
    .pipe(z.array(z.enum(allowed)));
const count = z.string().pipe(z.coerce.number<string>()).pipe(z.int().min(1));
const protocol = z.enum(['http/protobuf', 'http/json']).optional();
const SAMPLERS = ['always_on', 'always_off', 'traceidratio'] as const;

const Environment = z.object({
  OTEL_SDK_DISABLED: z
    .string()
    .transform((text) => text.toLowerCase())
    .pipe(z.enum(['true', 'false']))
    .optional(),
  OTEL_TRACES_EXPORTER: list('otlp', 'console', 'none').optional(),
  OTEL_EXPORTER_OTLP_ENDPOINT: z.url().optional(),
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: z.url().optional(),
  OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
  OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: protocol,
  OTEL_PROPAGATORS: list('tracecontext', 'baggage', 'none').optional(),
  OTEL_TRACES_SAMPLER: z
    .enum([...SAMPLERS, ...SAMPLERS.map((name) => `parentbased_${name}` as const)])
    .default('parentbased_always_on'),
  OTEL_TRACES_SAMPLER_ARG: z.string().pipe(z.coerce.number<string>()).pipe(z.number().min(0).max(1)).default(1),
  OTEL_BSP_SCHEDULE_DELAY: count.optional(),
  OTEL_BSP_EXPORT_TIMEOUT: count.optional(),
  OTEL_BSP_MAX_QUEUE_SIZE: count.optional(),
  OTEL_BSP_MAX_EXPORT_BATCH_SIZE: count.optional(),
});

export interface TraceSettings {
  /** Without any there are no traces. */
  readonly exporters: readonly ('otlp' | 'console')[];
  readonly protocol: 'http/protobuf' | 'http/json';
  readonly sampler: {
    readonly root: (typeof SAMPLERS)[number];
    /** Share of the traces, for `traceidratio`. */
    readonly ratio: number;
    /** A caller who sends a trace decides for it. */
    readonly parentBased: boolean;
  };
  /** Callers' traces go on here. */
  readonly takesParents: boolean;
  readonly batch: {
    readonly scheduledDelayMillis?: number;
    readonly exportTimeoutMillis?: number;
    readonly maxQueueSize?: number;
    readonly maxExportBatchSize?: number;
  };
}

/**
 * As the specification asks, an empty value is none, and one that is not understood is none with a warning.
 * @param warn told of each of those
 */
export function traceSettings(
  environment: Readonly<Record<string, string | undefined>>,
  warn: (variable: string, reason: string) => void,
): TraceSettings {
  const named = Object.keys(Environment.shape).map((name) => [name, environment[name]?.trim()] as const);
  const given = Object.fromEntries(named.filter(([, value]) => value !== undefined && value !== ''));
  const found = Environment.safeParse(given);
  for (const issue of found.error?.issues ?? []) {
    const name = String(issue.path[0]);
    if (given[name] === undefined) continue;
    warn(name, `found "${given[name]}": ${issue.message}`);
    delete given[name];
  }
  const env = found.data ?? Environment.parse(given);
  const sampler = env.OTEL_TRACES_SAMPLER;
  const hasEndpoint = (env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT ?? env.OTEL_EXPORTER_OTLP_ENDPOINT) !== undefined;
  const asked = env.OTEL_TRACES_EXPORTER ?? (hasEndpoint ? (['otlp'] as const) : []);
  return {
    exporters: env.OTEL_SDK_DISABLED === 'true' ? [] : asked.filter((exporter) => exporter !== 'none'),
    protocol: env.OTEL_EXPORTER_OTLP_TRACES_PROTOCOL ?? env.OTEL_EXPORTER_OTLP_PROTOCOL ?? 'http/protobuf',
    sampler: {
      root: sampler.replace('parentbased_', '') as (typeof SAMPLERS)[number],
      ratio: env.OTEL_TRACES_SAMPLER_ARG,
      parentBased: sampler.startsWith('parentbased_'),
    },
    takesParents: env.OTEL_PROPAGATORS?.includes('tracecontext') ?? true,
    batch: {
      ...optional('scheduledDelayMillis', env.OTEL_BSP_SCHEDULE_DELAY),
      ...optional('exportTimeoutMillis', env.OTEL_BSP_EXPORT_TIMEOUT),
      ...optional('maxQueueSize', env.OTEL_BSP_MAX_QUEUE_SIZE),
      ...optional('maxExportBatchSize', env.OTEL_BSP_MAX_EXPORT_BATCH_SIZE),
    },
  };
}

function optional<K extends string>(key: K, value: number | undefined): { readonly [key in K]?: number } {
  return value === undefined ? {} : ({ [key]: value } as { readonly [key in K]: number });
}
