import { readdir, readFile } from 'node:fs/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { DASHBOARDS, dashboardFile, dashboardText } from '../../grafana/make.js';
import { ROOT } from '../support/gateway.js';
import { type DashboardJson, GrafanaSchema } from '../support/grafana-schema.js';

const read = (file: string) => readFile(`${ROOT}${file}`, 'utf8');
const files = (await readdir(`${ROOT}grafana/dashboards`)).filter((file) => file.endsWith('.json'));
const dashboards = await Promise.all(
  files.map(async (file) => [file, JSON.parse(await read(`grafana/dashboards/${file}`)) as DashboardJson] as const),
);

describe('each dashboard', () => {
  let schema: GrafanaSchema;
  beforeAll(() => {
    schema = new GrafanaSchema();
    // TypeScript reads a large package for it.
  }, 180_000);

  it('is the one that `npm run dashboards` makes', async () => {
    expect(files.sort()).toEqual(
      Object.keys(DASHBOARDS)
        .map((name) => `${name}.json`)
        .sort(),
    );
    for (const [name, dashboard] of Object.entries(DASHBOARDS))
      expect(await readFile(dashboardFile(name), 'utf8')).toBe(dashboardText(dashboard));
  });

  it.each(dashboards)('%s is one by the schema of Grafana', (_, dashboard) => {
    expect(schema.errorsOf(dashboard)).toEqual([]);
  });

  it.each([
    ['a key that is none', { colour: 'red' }],
    ['an option that is none', { options: { legend: { showLegend: 'yes' } } }],
    ['a query that is none', { targets: [{ query: 'up' }] }],
    ['a plugin that we know nothing of', { type: 'pie' }],
  ])('with %s would not be', (_, wrong) => {
    const [, dashboard] = dashboards[0]!;
    const panels = dashboard.panels.map((panel) => (panel.type === 'timeseries' ? { ...panel, ...wrong } : panel));
    expect(schema.errorsOf({ ...dashboard, panels } as DashboardJson)).not.toEqual([]);
  });

  it.each(dashboards)('%s has panels that lie beside one another, each with a title and words', (_, { panels }) => {
    for (const [at, a] of panels.entries()) {
      expect(a.gridPos.x + a.gridPos.w).toBeLessThanOrEqual(24);
      for (const b of panels.slice(at + 1)) {
        const apart = (from: 'x' | 'y', size: 'w' | 'h') =>
          a.gridPos[from] + a.gridPos[size] <= b.gridPos[from] || b.gridPos[from] + b.gridPos[size] <= a.gridPos[from];
        expect(apart('x', 'w') || apart('y', 'h'), `${a.title} and ${b.title}`).toBe(true);
      }
      expect(a.title).not.toBe('');
      if (a.type !== 'row') expect(a).toMatchObject({ description: expect.stringMatching(/\w.*\.$/) });
    }
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
  });
});

describe('deploy/compose.yaml', () => {
  const place = (path: string) => new URL(path, `file://${ROOT}deploy/`).pathname;

  it('mounts what is there, where Grafana looks for it', async () => {
    const { services } = parse(await read('deploy/compose.yaml')) as {
      services: Record<string, { volumes?: string[]; environment?: Record<string, string> }>;
    };
    const mounts = Object.values(services)
      .flatMap(({ volumes = [] }) => volumes.map((volume) => volume.split(':')))
      .filter(([from]) => from!.startsWith('.'));
    expect(mounts.length).toBeGreaterThan(4);
    const text = (path: string) => readFile(path, 'utf8').catch(() => readdir(path));
    for (const [from] of mounts) expect(await text(place(from!)), from).not.toHaveLength(0);
    const [, dashboardsIn] = mounts.find(([from]) => from === '../grafana/dashboards')!;
    const { providers } = parse(await read('grafana/provisioning/dashboards/sluice.yaml'));
    expect(providers[0].options.path).toBe(dashboardsIn);
    expect(services.grafana!.environment!.GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH).toBe(
      `${dashboardsIn}/traffic.json`,
    );
  });

  it('has Prometheus scrape the port that the gateway keeps for it', async () => {
    const { services } = parse(await read('deploy/compose.yaml'));
    const { scrape_configs } = parse(await read('deploy/prometheus.yaml'));
    const port = services.gateway.environment.SLUICE_METRICS_PORT;
    expect(scrape_configs[0].static_configs[0].targets).toEqual([`gateway:${port}`]);
    expect(scrape_configs[0].job_name).toBe('sluice');
  });
});
