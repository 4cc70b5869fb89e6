/** npm run docs:trace: serves, has one picture climb, and writes its trace as a collector got it into docs/traces.md. */

import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { OtlpSink, type SinkSpan } from '../test/support/otlp-sink.js';
import { ServeProcess, until } from '../test/support/process.js';

const ROOT = fileURLToPath(new URL('../', import.meta.url));
const PAGE = `${ROOT}docs/traces.md`;
const [BEGIN, END] = ['<!-- trace: made by `npm run docs:trace` -->', '<!-- end of trace -->'];
const PICTURE = 'test/pictures/cat.jpg';
/** Pictures before it, so that what is shown is a warm gateway. */
const WARM_UP = 20;
/** The caller's span: what a client with OpenTelemetry would send. */
const PARENT = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
/** Of the spans, these are not worth a column here. */
const HIDDEN = /^(http|url|server|client|network|user_agent)\.|^sluice\.(request\.id|policy\.version)$/;

async function record(): Promise<{ readonly spans: readonly SinkSpan[]; readonly all: readonly SinkSpan[] }> {
  await using sink = await OtlpSink.start();
  await using gateway = new ServeProcess([], {
    OTEL_EXPORTER_OTLP_ENDPOINT: sink.url,
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
    OTEL_BSP_SCHEDULE_DELAY: '50',
  });
  const url = await gateway.url();
  await gateway.said('ready');
  const body = await readFile(`${ROOT}${PICTURE}`);
  const ask = (headers: Record<string, string>) => fetch(`${url}/v1/classify`, { method: 'POST', body, headers });
  for (let i = 0; i < WARM_UP; i++) await (await ask({})).arrayBuffer();
  await (await ask({ traceparent: PARENT })).arrayBuffer();
  const [, traceId] = PARENT.split('-');
  await until('the trace came', () => sink.trace(traceId!).some(({ kind }) => kind === 2));
  return { spans: sink.trace(traceId!), all: sink.spans };
}

function tree(spans: readonly SinkSpan[], all: readonly SinkSpan[]): string[] {
  const root = spans.find(({ kind }) => kind === 2)!;
  const rows: (readonly [ms: string, name: string, facts: string])[] = [];
  const walk = (span: SinkSpan, depth: number) => {
    const names = Object.entries(span.attributes).filter(([key]) => !HIDDEN.test(key));
    const facts = names.map(([key, value]) => `${key.replace('sluice.', '')}=${shown(value)}`);
    const links = span.links.map((to) => `-> ${runOf(to.spanId, all)}`);
    const interval = `${ms(span.from - root.from)} ${ms(span.to - span.from)}`;
    rows.push([interval, `${'  '.repeat(depth)}${span.name}`, [...facts, ...links].join(' ')]);
    const below = spans.filter(({ parentSpanId }) => parentSpanId === span.spanId);
    for (const child of below) walk(child, depth + 1);
    for (const { name, at, attributes } of span.events) {
      const facts = Object.entries(attributes).map(([key, value]) => `${key.replace('sluice.', '')}=${shown(value)}`);
      rows.push([`${ms(at - root.from)} ${' '.repeat(7)}`, `${'  '.repeat(depth + 1)}* ${name}`, facts.join(' ')]);
    }
  };
  walk(root, 0);
  const width = Math.max(...rows.map(([, name]) => name.length));
  return [
    `${'start'.padStart(7)} ${'ms'.padStart(7)}  ${'span'.padEnd(width)}  attributes (sluice.)`,
    ...rows.map(([interval, name, facts]) => `${interval}  ${name.padEnd(width)}  ${facts}`.trimEnd()),
  ];
}

function runOf(spanId: string, all: readonly SinkSpan[]): string {
  return `run ${all.find((span) => span.spanId === spanId)!.spanId}`;
}

function ms(nanoseconds: bigint): string {
  return (Number(nanoseconds) / 1e6).toFixed(3).padStart(7);
}

function shown(value: string | number | boolean): string {
  return typeof value === 'number' ? String(Number(value.toFixed(3))) : String(value);
}

const { spans, all } = await record();
const page = await readFile(PAGE, 'utf8');
const [from, to] = [page.indexOf(BEGIN), page.indexOf(END)];
if (from < 0 || to < from) throw new Error(`docs/traces.md must hold "${BEGIN}" and "${END}"`);
const block = ['```', ...tree(spans, all), '```'].join('\n');
await writeFile(PAGE, `${page.slice(0, from + BEGIN.length)}\n\n${block}\n\n${page.slice(to)}`);
process.stdout.write(`${block}\n`);
