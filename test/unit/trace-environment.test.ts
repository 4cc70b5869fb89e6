import { describe, expect, it } from 'vitest';
import { traceSettings } from '../../src/telemetry/trace-environment.js';

const ENDPOINT = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' };

function settings(environment: Readonly<Record<string, string>>) {
  const warnings: string[] = [];
  return { ...traceSettings(environment, (variable, reason) => warnings.push(`${variable}: ${reason}`)), warnings };
}

describe('the variables of OpenTelemetry', () => {
  it.each([
    ['no variable', {}, []],
    ['variables that are empty', { OTEL_EXPORTER_OTLP_ENDPOINT: '', OTEL_TRACES_EXPORTER: ' ' }, []],
    ['other variables only', { OTEL_SERVICE_NAME: 'mine', OTEL_TRACES_SAMPLER: 'always_on' }, []],
    ['an endpoint', ENDPOINT, ['otlp']],
    ['an endpoint for traces', { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'https://collector/v1/traces' }, ['otlp']],
    ['an exporter', { OTEL_TRACES_EXPORTER: 'otlp' }, ['otlp']],
    ['two exporters', { OTEL_TRACES_EXPORTER: 'console, otlp' }, ['console', 'otlp']],
    ['no exporter', { ...ENDPOINT, OTEL_TRACES_EXPORTER: 'none' }, []],
    ['the SDK switched off', { ...ENDPOINT, OTEL_SDK_DISABLED: 'TRUE' }, []],
    ['the SDK not switched off', { ...ENDPOINT, OTEL_SDK_DISABLED: 'false' }, ['otlp']],
  ])('%s: who exports', (_, environment, exporters) => {
    expect(settings(environment)).toMatchObject({ exporters, warnings: [] });
  });

  it.each([
    [{}, { root: 'always_on', ratio: 1, parentBased: true }],
    [
      { OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '0.01' },
      { root: 'traceidratio', ratio: 0.01, parentBased: false },
    ],
    [
      { OTEL_TRACES_SAMPLER: 'parentbased_traceidratio', OTEL_TRACES_SAMPLER_ARG: '0' },
      { root: 'traceidratio', ratio: 0, parentBased: true },
    ],
    [{ OTEL_TRACES_SAMPLER: 'parentbased_always_off' }, { root: 'always_off', ratio: 1, parentBased: true }],
  ])('%j: who is sampled', (environment, sampler) => {
    expect(settings(environment)).toMatchObject({ sampler, warnings: [] });
  });

  it('the one for traces goes before the one for all', () => {
    const environment = {
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf',
      OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: 'http/json',
    };
    expect(settings(environment).protocol).toBe('http/json');
    expect(settings({}).protocol).toBe('http/protobuf');
  });

  it("decide whether callers' traces go on", () => {
    expect(settings({}).takesParents).toBe(true);
    expect(settings({ OTEL_PROPAGATORS: 'tracecontext,baggage' }).takesParents).toBe(true);
    expect(settings({ OTEL_PROPAGATORS: 'none' }).takesParents).toBe(false);
  });

  it('set how spans are gathered', () => {
    const environment = { OTEL_BSP_SCHEDULE_DELAY: '100', OTEL_BSP_MAX_QUEUE_SIZE: '4096' };
    expect(settings(environment).batch).toEqual({ scheduledDelayMillis: 100, maxQueueSize: 4096 });
  });

  it('are ignored one by one where they are not understood, with a warning that says what is allowed', () => {
    const { warnings, ...rest } = settings({
      ...ENDPOINT,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
      OTEL_TRACES_SAMPLER: 'jaeger_remote',
      OTEL_TRACES_SAMPLER_ARG: '2',
      OTEL_TRACES_EXPORTER: 'otlp,zipkin',
      OTEL_BSP_SCHEDULE_DELAY: 'soon',
      OTEL_PROPAGATORS: 'b3',
    });
    const { warnings: none, ...expected } = settings(ENDPOINT);
    expect(rest).toEqual(expected);
    expect(none).toEqual([]);
    expect(warnings.map((warning) => warning.split(':')[0]).sort()).toEqual([
      'OTEL_BSP_SCHEDULE_DELAY',
      'OTEL_EXPORTER_OTLP_PROTOCOL',
      'OTEL_PROPAGATORS',
      'OTEL_TRACES_EXPORTER',
      'OTEL_TRACES_SAMPLER',
      'OTEL_TRACES_SAMPLER_ARG',
    ]);
    expect(warnings.find((warning) => warning.includes('grpc'))).toMatch(
      /found "grpc".*"http\/protobuf"\|"http\/json"/,
    );
  });
});
