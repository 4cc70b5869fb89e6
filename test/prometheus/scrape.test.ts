import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { createApp } from '../../src/http/app.js';
import { HttpServer } from '../../src/http/server.js';
import type { NamedPolicy } from '../../src/policy/loader.js';
import { PolicyFile } from '../../src/policy/schema.js';
import { ROOT, startGateway, type TestGateway } from '../support/gateway.js';
import type { DashboardJson } from '../support/grafana-schema.js';
import { jpeg } from '../support/pictures.js';
import { hasPrometheus, MISSING, Prometheus, promtool, type Sample } from '../support/prometheus.js';

const read = (file: string) => readFile(`${ROOT}${file}`, 'utf8');
const dashboards = await Promise.all(
  (await readdir(`${ROOT}grafana/dashboards`)).map(
    async (file) => JSON.parse(await read(`grafana/dashboards/${file}`)) as DashboardJson,
  ),
);
const targets = dashboards.flatMap(({ title, panels }) =>
  panels.flatMap((panel) => (panel.targets ?? []).map((target) => [`${title}, ${panel.title}`, target] as const)),
);
const rules: { record?: string; alert?: string; expr: string }[] = (
  await Promise.all(['grafana/recording.yaml', 'grafana/alerts.yaml'].map(read))
).flatMap((text) => parse(text).groups[0].rules);

/** As Grafana does for a panel, with all of each variable chosen; the test scrapes every second. */
const VARIABLES: Readonly<Record<string, string>> = { __rate_interval: '10s', __range: '60s', price: '0.04' };
const interpolated = (promql: string) => promql.replaceAll(/\$(\w+)/g, (_, name: string) => VARIABLES[name] ?? '.*');

function policy(name: string, rule: object, more: object = {}): NamedPolicy {
  const parsed = PolicyFile.parse({ kind: 'threshold', cascades: { cifar10: rule }, ...more });
  return { name, file: `${name}.yaml`, version: '1', policy: parsed };
}
const full: NamedPolicy = { name: 'full', file: 'full.yaml', version: '1', policy: PolicyFile.parse({ kind: 'full' }) };
const early = [{ rung: 'slimnet/0.5@24', thresholds: [0.5, 0.5, 0.5, null] }];
/** Leaves at the first exit, so that there is something to audit whichever point serves. */
const whole = [{ rung: 'slimnet/1@32', thresholds: [0, null, null, null] }];
const point = (name: string, macs: number, route: object[]) => ({ name, expected: { macs, agreement: 0.9 }, route });
const POLICIES = [
  full,
  policy(
    'audited',
    { points: [point('dear', 57e6, whole), point('cheap', 1.3e6, early)] },
    { goal: { latency_p95_ms: 500 }, audit: { share: 1, min_agreement: 0.0001 } },
  ),
  policy('early', { route: early }),
];

describe.skipIf(!hasPrometheus)(`a real Prometheus that scrapes a real gateway under traffic${MISSING}`, () => {
  let served: TestGateway;
  let server: HttpServer;
  let url: string;
  let prometheus: Prometheus;
  let over = false;
  let traffic: Promise<void>;

  beforeAll(async () => {
    served = await startGateway({ policies: POLICIES, defaultPolicy: 'audited' });
    expect(served.gateway.services.map((each) => each.policy)).toEqual(POLICIES.map(({ name }) => name));
    server = new HttpServer(createApp(served.deps), { host: '127.0.0.1', port: 0 });
    url = await server.listen();
    traffic = send();
    prometheus = await Prometheus.start(new URL(url).host);
  });
  afterAll(async () => {
    over = true;
    await traffic;
    await prometheus[Symbol.asyncDispose]();
    await server.close(0);
    await served.gateway.close();
  });

  /** Pictures for each policy, and what is refused, until the end of the tests; quiet enough for audits. */
  async function send(): Promise<void> {
    const pictures = await Promise.all(Array.from({ length: 12 }, (_, i) => jpeg(32, 32, 30 * i)));
    const post = async (query: string, body: Uint8Array) => {
      const response = await fetch(`${url}/v1/classify?${query}`, { method: 'POST', body: new Uint8Array(body) });
      await response.arrayBuffer();
    };
    for (let i = 0; !over; i++) {
      const picture = pictures[i % pictures.length]!;
      await Promise.all(['audited', 'full', 'early'].map((name) => post(`policy=${name}`, picture)));
      await post('', Buffer.from('not a picture'));
      await post(`policy=wild-${i}`, picture);
      await sleep(50);
    }
  }

  /** Polled: rates need two scrapes, and what is counted rarely has to come first. */
  async function dataOf(promql: string): Promise<Sample[]> {
    const end = Date.now() + 40_000;
    let samples = await prometheus.query(promql);
    while (!samples.some(({ value }) => Number.isFinite(value))) {
      if (Date.now() > end) throw new Error(`no data: ${promql}`);
      await sleep(500);
      samples = await prometheus.query(promql);
    }
    return samples;
  }

  it.each(targets)('%s: its query gives data, with the labels that its legend names', async (_, target) => {
    const samples = await dataOf(interpolated(target.expr));
    for (const [, label] of target.legendFormat.matchAll(/\{\{(\w+)\}\}/g))
      expect(
        samples.some(({ metric }) => (metric[label!] ?? '') !== ''),
        `no series has the label ${label}`,
      ).toBe(true);
  });

  it.each(
    dashboards.flatMap(({ title, templating }) =>
      templating.list.filter(({ type }) => type === 'query').map(({ name, query }) => [title, name, query] as const),
    ),
  )('%s: its variable %s has values', async (_title, _name, query) => {
    const [, series, label] = /^label_values\((.*), (\w+)\)$/.exec(query)!;
    const samples = await dataOf(interpolated(series!));
    expect(samples.filter(({ metric }) => (metric[label!] ?? '') !== '')).not.toEqual([]);
  });

  it.each(rules.flatMap(({ record }) => record ?? []))('the rule %s records', async (name) => {
    await dataOf(name);
  });

  it('has every series that the alerts go by, and no alert', async () => {
    const names = new Set(rules.flatMap(({ expr }) => expr.match(/\b(up|(sluice|nodejs)_\w+)\b(?=[{[\s)])/g) ?? []));
    expect(names.size).toBeGreaterThan(10);
    // Only with TLS.
    for (const name of names) if (name.startsWith('sluice_tls_')) names.delete(name);
    for (const name of names) expect((await dataOf(name)).length, name).toBeGreaterThan(0);
    const firing = await prometheus.query('ALERTS{alertstate="firing"}');
    expect(firing.map(({ metric }) => metric.alertname)).toEqual([]);
  });

  it('says how full the lanes are, between idle and full', async () => {
    const [{ value } = { value: Number.NaN }] = await dataOf('sluice_saturation_ratio > 0');
    expect(value).toBeGreaterThan(0);
    expect(value).toBeLessThanOrEqual(1);
  });

  it('makes no series for each name that a caller makes up', async () => {
    const samples = await dataOf('sluice_requests_total');
    const labels = new Set(
      samples.map(({ metric }) => [metric.cascade ?? '', metric.policy ?? '', metric.code].join(' ')),
    );
    expect(labels).toEqual(
      new Set(['  404', 'cifar10 audited 200', 'cifar10 audited 415', 'cifar10 early 200', 'cifar10 full 200']),
    );
  });

  it('finds nothing wrong with the text of the metrics (promtool check metrics)', async () => {
    const text = await (await fetch(`${url}/metrics`)).text();
    expect(await promtool(['check', 'metrics'], text)).toEqual({ code: 0, said: '' });
  });
});
