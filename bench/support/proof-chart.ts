/** Draws throughput side by side, and latency by load. */

import { svgOf } from '../../src/tune/report/charts.js';
import type { ProofReport } from './proof-report.js';

const COLOURS = { domain: ['limit', 'sluice', 'peer'], range: ['#9aa0a6', '#1a73e8', '#e8710a'] };

export function proofChart({ contestants, open_loop, cascade }: ProofReport): Promise<string> {
  const bars = contestants.map(({ name, kind, images_per_second: { median, min, max } }) => ({
    name,
    kind,
    median,
    min,
    max,
    label: median.toFixed(0),
  }));
  const y = { field: 'name', type: 'nominal', title: null, sort: null } as const;
  const points = open_loop.flatMap(({ policy, load, p50_ms, p99_ms }) =>
    [
      { quantile: 'p50', ms: p50_ms.median },
      { quantile: 'p99', ms: p99_ms.median },
    ].map((each) => ({ ...each, policy, load: 100 * load })),
  );
  return svgOf({
    background: 'white',
    vconcat: [
      {
        title: `${cascade}: images/s at saturation, median (lines: least to most)`,
        width: 560,
        height: { step: 22 },
        data: { values: bars },
        layer: [
          {
            mark: { type: 'bar' },
            encoding: {
              y,
              x: { field: 'median', type: 'quantitative', title: 'images/s' },
              color: { field: 'kind', type: 'nominal', title: null, scale: COLOURS },
            },
          },
          {
            mark: { type: 'rule', color: '#333' },
            encoding: { y, x: { field: 'min', type: 'quantitative' }, x2: { field: 'max' } },
          },
          {
            mark: { type: 'text', align: 'left', dx: 6 },
            encoding: { y, x: { field: 'max', type: 'quantitative' }, text: { field: 'label' } },
          },
        ],
      },
      {
        title: 'latency by load, Poisson arrivals',
        width: 560,
        height: 240,
        data: { values: points },
        mark: { type: 'line', point: true },
        encoding: {
          x: {
            field: 'load',
            type: 'quantitative',
            title: "load, % of the policy's saturation",
            scale: { zero: false },
          },
          y: { field: 'ms', type: 'quantitative', title: 'ms', scale: { type: 'log' } },
          color: { field: 'policy', type: 'nominal', title: 'policy' },
          strokeDash: {
            field: 'quantile',
            type: 'nominal',
            title: 'quantile',
            legend: { symbolType: 'stroke', symbolStrokeColor: '#333' },
          },
        },
      },
    ],
    resolve: { scale: { color: 'independent', strokeDash: 'independent' } },
    config: { font: 'sans-serif' },
  });
}
