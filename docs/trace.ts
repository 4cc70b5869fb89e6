/** npm run docs:trace: serves, has one picture climb, and writes its trace as a collector got it into docs/traces.md. */

import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { OtlpSink, type SinkSpan } from '../test/support/otlp-sink.js';
import { ServeProcess, until } from '../test/support/process.js';

const ROOT = fileURLToPath(new URL('../', import.meta.url));
const PAGE = `${ROOT}docs/traces.md`;
const [BEGIN, END] = ['<!-- trace: made by `npm run docs:trace` -->', '<!-- end of trace -->'];
const PICTURE = 'test/pictures/cat.jpg';
/** Requests, one after the other; the fastest is shown: other work on the machine only ever adds time. */
const REQUESTS = 100;
/** Of the spans, these are not worth a column here. */
const HIDDEN = /^(http|url|server|client|network|user_agent)\.|^sluice\.(request\.id|policy\.version)$/;

/** Everything that was sent. */
async function record(): Promise<readonly SinkSpan[]> {
  await using sink = await OtlpSink.start();
  await using gateway = new ServeProcess([], {
    OTEL_EXPORTER_OTLP_ENDPOINT: sink.url,
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
    OTEL_BSP_SCHEDULE_DELAY: '50',
  });
  const url = await gateway.url();
  await gateway.said('ready');
  const body = await readFile(`${ROOT}${PICTURE}`);
  for (let i = 0; i < REQUESTS; i++)
    await (await fetch(`${url}/v1/classify?cascade=cifar10`, { method: 'POST', body })).arrayBuffer();
  await until('all traces came', () => sink.spans.filter(isRequest).length === REQUESTS);
  return sink.spans;
}

function isRequest({ kind }: SinkSpan): boolean {
  return kind === 2;
}

function tree(root: SinkSpan, all: readonly SinkSpan[]): string[] {
  const rows: (readonly [ms: string, name: string, facts: string])[] = [];
  const walk = (span: SinkSpan, depth: number) => {
    const names = Object.entries(span.attributes).filter(([key]) => !HIDDEN.test(key));
    const facts = names.map(([key, value]) => `${key.replace('sluice.', '')}=${shown(value)}`);
    const links = span.links.map((to) => `-> batch ${to.spanId}`);
    const interval = `${ms(span.from - root.from)} ${ms(span.to - span.from)}`;
    rows.push([interval, `${'  '.repeat(depth)}${span.name}`, [...facts, ...links].join(' ')]);
    const below = all.filter(({ parentSpanId }) => parentSpanId === span.spanId);
    for (const child of below.sort((a, b) => Number(a.from - b.from))) walk(child, depth + 1);
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

function ms(nanoseconds: bigint): string {
  return (Number(nanoseconds) / 1e6).toFixed(3).padStart(7);
}

function shown(value: string | number | boolean): string {
  return typeof value === 'number' ? String(Number(value.toFixed(3))) : String(value);
}

const all = await record();
const took = ({ from, to }: SinkSpan) => to - from;
const fastest = all.filter(isRequest).reduce((best, span) => (took(span) < took(best) ? span : best));
const page = await readFile(PAGE, 'utf8');
const [from, to] = [page.indexOf(BEGIN), page.indexOf(END)];
if (from < 0 || to < from) throw new Error(`docs/traces.md must hold "${BEGIN}" and "${END}"`);
const block = ['```', ...tree(fastest, all), '```'].join('\n');
await writeFile(PAGE, `${page.slice(0, from + BEGIN.length)}\n\n${block}\n\n${page.slice(to)}`);
process.stdout.write(`${block}\n`);
