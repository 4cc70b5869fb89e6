/** Draws what `bench simulate` found. */

import type { TopLevelSpec } from 'vega-lite';
import { svgOf } from '../../src/tune/report/charts.js';
import type { SimulateReport } from './report.js';

const FRAME = { background: 'white', config: { font: 'sans-serif', legend: { labelLimit: 0 } } } as const;
const SIZE = { width: 520, height: 280 } as const;

/** By file. */
export async function simulateCharts(report: SimulateReport): Promise<Record<string, string>> {
  const { validation } = report;
  return {
    'simulate-lanes.svg': await svgOf(laneChart(report)),
    'simulate-load.svg': await svgOf(loadChart(report)),
    'simulate-balancers.svg': await svgOf(balancerChart(report)),
    ...(validation && { 'simulate-validation.svg': await svgOf(validationChart(validation)) }),
  };
}

function laneChart({ lanes: sweeps, profile }: SimulateReport): TopLevelSpec {
  const values = sweeps.flatMap(({ lanes, ideal, held }) => [
    { lanes, rate: ideal, what: 'ideal' },
    { lanes, rate: held?.perSecond ?? 0, what: 'held' },
    { lanes, rate: 1000 / profile.gatewayMs, what: 'most of one event loop' },
  ]);
  return {
    ...FRAME,
    ...SIZE,
    title: `${profile.cascade}, ${profile.policy}: one gateway, simulated`,
    data: { values },
    mark: { type: 'line', point: true },
    encoding: {
      x: { field: 'lanes', type: 'quantitative', title: 'lanes, one a core', scale: { type: 'log', base: 2 } },
      y: { field: 'rate', type: 'quantitative', title: 'images/s', scale: { type: 'log' } },
      color: { field: 'what', type: 'nominal', title: null },
    },
  };
}

function loadChart({ lanes }: SimulateReport): TopLevelSpec {
  const values = lanes.flatMap(({ lanes: count, rows }) =>
    rows
      .filter(({ arrivals }) => arrivals === 'poisson')
      .map(({ load, p95, meanBatch }) => ({ lanes: count, load: 100 * load, p95, batch: meanBatch })),
  );
  const x = { field: 'load', type: 'quantitative', title: 'load, % of the ideal' } as const;
  const color = { field: 'lanes', type: 'ordinal', title: 'lanes' } as const;
  const mark = { type: 'line', point: true } as const;
  const y = (field: string, title: string, type: 'log' | 'linear') =>
    ({ field, type: 'quantitative', title, scale: { type } }) as const;
  return {
    ...FRAME,
    data: { values },
    hconcat: [
      { width: 320, height: 240, title: 'p95', mark, encoding: { x, y: y('p95', 'ms', 'log'), color } },
      { width: 320, height: 240, title: 'pictures a run', mark, encoding: { x, y: y('batch', '', 'linear'), color } },
    ],
  };
}

function balancerChart({ gateways }: SimulateReport): TopLevelSpec {
  const values = gateways.flatMap(({ gateways: count, arrivals, load, balanced, one }) => {
    const row = { gateways: count, arrivals: `${arrivals}, ${100 * load} %` };
    return [
      ...balanced.map(({ balancer, p99 }) => ({ ...row, balancer, p99 })),
      { ...row, balancer: 'one gateway with all lanes' as const, p99: one.p99 },
    ];
  });
  return {
    ...FRAME,
    data: { values },
    facet: { column: { field: 'arrivals', type: 'nominal', title: null } },
    spec: {
      width: 170,
      height: 240,
      mark: { type: 'line', point: true },
      encoding: {
        x: { field: 'gateways', type: 'ordinal', axis: { labelAngle: 0 } },
        y: { field: 'p99', type: 'quantitative', title: 'p99, ms', scale: { type: 'log' } },
        color: { field: 'balancer', type: 'nominal', title: null },
      },
    },
  };
}

function validationChart({ points }: NonNullable<SimulateReport['validation']>): TopLevelSpec {
  const values = points.flatMap((each) =>
    (['p50', 'p95'] as const).flatMap((key) =>
      (['measured', 'predicted'] as const).map((what) => {
        const { median, min, max } = each[`${what}_${key}_ms`];
        return { load: 100 * each.load, quantile: key, what, ms: median, low: min, high: max };
      }),
    ),
  );
  const x = { field: 'load', type: 'quantitative', title: 'load, % of what was measured' } as const;
  const color = { field: 'what', type: 'nominal', title: null } as const;
  return {
    ...FRAME,
    ...SIZE,
    title: 'Measured and predicted latency',
    data: { values },
    layer: [
      {
        mark: { type: 'line', point: true },
        encoding: {
          x,
          y: { field: 'ms', type: 'quantitative', title: 'ms', scale: { type: 'log' } },
          color,
          strokeDash: { field: 'quantile', type: 'nominal', title: null, legend: { symbolType: 'stroke' } },
        },
      },
      {
        mark: 'rule',
        encoding: {
          x,
          y: { field: 'low', type: 'quantitative' },
          y2: { field: 'high' },
          color,
          detail: { field: 'quantile' },
        },
      },
    ],
  };
}
