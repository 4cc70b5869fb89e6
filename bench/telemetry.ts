/**
 * What telemetry costs: images/s over HTTP at saturation with nothing, with metrics (scraped every second, fifteen times as often as
 * usual), and with metrics and 1 % of the traces, in alternating rounds of the same run. And what one scrape costs.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Child } from './support/child.js';
import { GatewayProcess, ROOT } from './support/gateway.js';
import type { LoadAnswer, LoadRequest } from './support/load.js';
import { cpuSeconds, machine } from './support/machine.js';
import { pictures } from './support/pictures.js';
import { keepResult } from './support/result.js';
import type { SinkAnswer } from './support/sink.js';
import { type Spread, show, spread, table } from './support/stats.js';

const FLAGS = ['--lanes', '2', '--no-watch'];
const CONFIGURATIONS = ['off', 'metrics', 'metrics+traces'] as const;
type Configuration = (typeof CONFIGURATIONS)[number];
/** Least share of the throughput without telemetry. */
const TARGETS = { metrics: 0.98, 'metrics+traces': 0.96 } as const;
const SCRAPES = 200;
const SCRAPE_TARGET_MS = 5;

export const usage = `Usage: npm run bench -- telemetry [options]

Options:
  --policy <name>     default: balanced
  --connections <n>   requests in flight, default 32
  --seconds <n>       of each measurement, default 5
  --warm <n>          seconds of load on each gateway before, default 8
  --rounds <n>        default 9
  --json              prints the result as JSON; it is always written to bench/results/
  --help

Fails (exit code 1) on any answer but 200, below ${TARGETS.metrics} of the throughput with metrics or ${TARGETS['metrics+traces']} with metrics and traces
(medians of the ratios of each round), or when the median scrape takes ${SCRAPE_TARGET_MS} ms and more.
`;

function parse(args: readonly string[]) {
  const text = { type: 'string' } as const;
  const options = { policy: text, connections: text, seconds: text, warm: text, rounds: text };
  const { values } = parseArgs({ args: [...args], options: { ...options, json: { type: 'boolean', default: false } } });
  const positive = (name: 'connections' | 'seconds' | 'warm' | 'rounds', standard: number) => {
    const value = Number(values[name] ?? standard);
    if (!(value > 0)) throw new RangeError(`--${name}: allowed are numbers above 0`);
    return value;
  };
  return {
    policy: values.policy ?? 'balanced',
    connections: Math.ceil(positive('connections', 32)),
    seconds: positive('seconds', 5),
    warmSeconds: positive('warm', 8),
    rounds: Math.ceil(positive('rounds', 9)),
    json: values.json,
  };
}

interface Measured {
  readonly imagesPerSecond: number;
  /** Milliseconds of the gateway's processor time a picture. */
  readonly gatewayCpu: number;
}

export async function run(args: readonly string[]): Promise<number> {
  const options = parse(args);
  const where = machine();
  process.stderr.write(`load average before: ${where.load_before.toFixed(2)} (above 0.5 the machine is not idle)\n`);
  using sink = new Child<object, SinkAnswer>('./sink.ts');
  using load = new Child<LoadRequest, LoadAnswer>('./load.ts');
  const gateways = new Map<Configuration, GatewayProcess>();
  try {
    await startAll(gateways, (await sink.ask({})).port);
    const images = await pictures(64, 32);
    const { policy, connections } = options;
    const measure = async (name: Configuration, seconds: number): Promise<Measured> => {
      const gateway = gateways.get(name)!;
      const target = { host: '127.0.0.1', port: gateway.port, path: `/v1/classify?policy=${policy}` };
      const before = cpuSeconds(gateway.pid);
      const scraping = name === 'off' ? undefined : scrapeEverySecond(gateway);
      const answer = await load.ask({ ...target, connections, pictures: images, seconds });
      await scraping?.end();
      if (answer.refused > 0) throw new Error(`${answer.refused} answers were not 200, the first: ${answer.refusal}`);
      const gatewayCpu = ((cpuSeconds(gateway.pid) - before) * 1000) / answer.all;
      return { imagesPerSecond: answer.ok / answer.seconds, gatewayCpu };
    };
    for (const name of CONFIGURATIONS) await measure(name, options.warmSeconds);
    const rounds: Record<Configuration, Measured>[] = [];
    for (let round = 0; round < options.rounds; round++) {
      const measured: Partial<Record<Configuration, Measured>> = {};
      // Each is first, second and last equally often: what comes first finds another machine than what comes last.
      for (let at = 0; at < CONFIGURATIONS.length; at++) {
        const name = CONFIGURATIONS[(round + at) % CONFIGURATIONS.length]!;
        measured[name] = await measure(name, options.seconds);
      }
      rounds.push(measured as Record<Configuration, Measured>);
      const rates = CONFIGURATIONS.map((name) => `${name} ${measured[name]!.imagesPerSecond.toFixed(0)}`);
      process.stderr.write(`round ${round + 1} of ${options.rounds}: ${rates.join(', ')} images/s\n`);
    }
    const scrape = await scrapeCost(gateways.get('metrics')!);
    const { exports } = await sink.ask({});
    const report = reportOf({ where, options, rounds, scrape, exports });
    const text = `${JSON.stringify(report, undefined, 2)}\n`;
    const file = await keepResult('telemetry', where.date, text);
    process.stdout.write(options.json ? text : textOf(report));
    process.stderr.write(`written to ${file}\n`);
    return report.met ? 0 : 1;
  } finally {
    for (const gateway of gateways.values()) await gateway.stop();
  }
}

/**
 * All run all the time: an idle gateway costs next to nothing, and each keeps what it has warmed up.
 * @param gateways filled as they start, so that whoever calls can stop them whatever happens
 */
async function startAll(gateways: Map<Configuration, GatewayProcess>, sinkPort: number): Promise<void> {
  const traces = {
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${sinkPort}`,
    OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
    OTEL_TRACES_SAMPLER_ARG: '0.01',
  };
  gateways.set('off', await GatewayProcess.start(ROOT, [...FLAGS, '--no-metrics']));
  gateways.set('metrics', await GatewayProcess.start(ROOT, FLAGS));
  gateways.set('metrics+traces', await GatewayProcess.start(ROOT, FLAGS, traces));
}

function scrapeEverySecond(gateway: GatewayProcess): { end(): Promise<void> } {
  const stop = new AbortController();
  const scraping = (async () => {
    while (!stop.signal.aborted) {
      await gateway.counters();
      await sleep(1000, undefined, { signal: stop.signal }).catch(() => {});
    }
  })();
  return {
    end: () => {
      stop.abort();
      return scraping;
    },
  };
}

interface ScrapeCost {
  /** Milliseconds of a request that scrapes, and of one that does nothing. */
  readonly scrape: Spread;
  readonly probe: Spread;
  /** Milliseconds of the gateway's processor time a scrape. */
  readonly cpu: number;
  readonly bytes: number;
}

/** One after another, on a gateway at rest that has answered pictures before. */
async function scrapeCost(gateway: GatewayProcess): Promise<ScrapeCost> {
  let bytes = 0;
  const time = async (path: string) => {
    const millis: number[] = [];
    for (let i = 0; i < SCRAPES; i++) {
      const from = performance.now();
      const text = await (await fetch(`http://127.0.0.1:${gateway.port}${path}`)).text();
      millis.push(performance.now() - from);
      bytes = text.length;
    }
    return spread(millis);
  };
  const probe = await time('/livez');
  const before = cpuSeconds(gateway.pid);
  const scrape = await time('/metrics');
  const cpu = ((cpuSeconds(gateway.pid) - before) * 1000) / SCRAPES;
  return { scrape, probe, cpu, bytes };
}

interface Found {
  readonly where: ReturnType<typeof machine>;
  readonly options: ReturnType<typeof parse>;
  readonly rounds: readonly Record<Configuration, Measured>[];
  readonly scrape: ScrapeCost;
  /** To the collector: 0 where nothing was traced. */
  readonly exports: number;
}

function reportOf({ where, options, rounds, scrape, exports }: Found) {
  const configurations = CONFIGURATIONS.map((name) => ({
    name,
    images_per_second: spread(rounds.map((round) => round[name].imagesPerSecond)),
    gateway_cpu_ms: spread(rounds.map((round) => round[name].gatewayCpu)),
    ratio: spread(rounds.map((round) => round[name].imagesPerSecond / round.off.imagesPerSecond)),
    target: name === 'off' ? undefined : TARGETS[name],
  }));
  const met =
    configurations.every(({ ratio, target }) => target === undefined || ratio.median >= target) &&
    scrape.scrape.median < SCRAPE_TARGET_MS;
  return { ...where, options, configurations, scrape_ms: scrape, trace_exports: exports, met };
}

function textOf({ configurations, scrape_ms, trace_exports }: ReturnType<typeof reportOf>): string {
  const rows = configurations.map(({ name, images_per_second, gateway_cpu_ms, ratio, target }) => [
    name,
    show(images_per_second),
    show(gateway_cpu_ms, 3),
    show(ratio, 3),
    target === undefined ? '' : `>= ${target}`,
  ]);
  const head = ['telemetry', 'images/s', 'gateway CPU ms/image', 'ratio to off', 'target'];
  const { scrape, probe, cpu, bytes } = scrape_ms;
  return [
    'medians (least-most) of all rounds',
    table(head, rows),
    `one scrape: ${show(scrape, 2)} ms for ${bytes} bytes, target < ${SCRAPE_TARGET_MS} ms; ${cpu.toFixed(2)} ms of the gateway's processor time`,
    `/livez, for what HTTP itself costs: ${show(probe, 2)} ms`,
    trace_exports === 0 ? 'no trace was exported' : `${trace_exports} exports of traces`,
    '',
  ].join('\n');
}
