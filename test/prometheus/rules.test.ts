import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { ROOT } from '../support/gateway.js';
import { hasPrometheus, MISSING, promtool } from '../support/prometheus.js';

const RULES = ['grafana/recording.yaml', 'grafana/alerts.yaml'];
const CASES = ['test/prometheus/rules.test.yaml', 'test/prometheus/rules-by-day.test.yaml'];
const read = (file: string) => readFile(`${ROOT}${file}`, 'utf8');
const alerts: { alert: string; annotations: { runbook: string } }[] = parse(await read('grafana/alerts.yaml')).groups[0]
  .rules;

describe.skipIf(!hasPrometheus)(`the rules${MISSING}`, () => {
  it('are taken by Prometheus', async () => {
    expect(await promtool(['check', 'rules', ...RULES])).toMatchObject({ code: 0 });
  });

  it('fire in the histories in which they must, and not in those in which they must not', async () => {
    const { code, said } = await promtool(['test', 'rules', ...CASES]);
    expect(code, said).toBe(0);
  });

  it('are read by the configuration of deploy/', async () => {
    expect(await promtool(['check', 'config', 'deploy/prometheus.yaml'])).toMatchObject({ code: 0 });
  });
});

describe('each alert', () => {
  it.each(alerts.map(({ alert }) => alert))('%s has a history with it and one without', async (name) => {
    type Tests = { tests: { alert_rule_test: { alertname: string; exp_alerts?: unknown[] }[] }[] };
    const tests = (await Promise.all(CASES.map(read))).flatMap((text) => (parse(text) as Tests).tests);
    const cases = tests.flatMap((each) => each.alert_rule_test).filter(({ alertname }) => alertname === name);
    expect(new Set(cases.map(({ exp_alerts = [] }) => exp_alerts.length > 0))).toEqual(new Set([true, false]));
  });

  it.each(alerts.map(({ alert, annotations }) => [alert, annotations.runbook] as const))(
    '%s says where to read what to do',
    async (name, runbook) => {
      const [file, anchor] = runbook.split('#');
      expect(anchor).toBe(name.toLowerCase());
      expect(await read(file!)).toMatch(new RegExp(`^### ${name}$`, 'm'));
    },
  );
});
