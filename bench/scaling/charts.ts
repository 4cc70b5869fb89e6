/** Draws what `bench scaling` measured. */

import type { TopLevelSpec } from 'vega-lite';
import { svgOf } from '../../src/tune/report/charts.js';
import type { ScalingReport } from './report.js';

const FRAME = {
  background: 'white',
  config: { font: 'sans-serif', legend: { labelLimit: 0 } },
  width: 520,
  height: 280,
} as const;

/** By file. */
export async function scalingCharts({ lanes, size, depth }: ScalingReport): Promise<Record<string, string>> {
  return {
    ...(lanes && { 'scaling-lanes.svg': await svgOf(laneChart(lanes)) }),
    ...(size && { 'scaling-size.svg': await svgOf(sizeChart(size)) }),
    ...(depth && { 'scaling-depth.svg': await svgOf(depthChart(depth)) }),
  };
}

function laneChart({ cases }: NonNullable<ScalingReport['lanes']>): TopLevelSpec {
  const most = Math.max(...cases.map(({ cores }) => cores));
  const values = cases.flatMap((each) => {
    const { median: rate, min: low, max: high } = each.images_per_second;
    const row = { lanes: each.lanes, policy: each.policy, rate, low, high };
    const own = each.cores === Math.min(each.lanes, most) ? [{ ...row, on: 'a core a lane' }] : [];
    return [...own, ...(each.cores === most ? [{ ...row, on: 'all cores' }] : [])];
  });
  const x = { field: 'lanes', type: 'ordinal', title: 'lanes', axis: { labelAngle: 0 } } as const;
  const color = { field: 'policy', type: 'nominal', title: 'policy' } as const;
  return {
    ...FRAME,
    title: 'Throughput by lanes',
    data: { values },
    layer: [
      {
        mark: { type: 'line', point: true },
        encoding: {
          x,
          y: { field: 'rate', type: 'quantitative', title: 'images/s' },
          color,
          strokeDash: { field: 'on', type: 'nominal', title: 'cores', legend: { symbolType: 'stroke' } },
        },
      },
      {
        mark: { type: 'rule' },
        encoding: { x, y: { field: 'low', type: 'quantitative' }, y2: { field: 'high' }, color },
      },
    ],
  };
}

function sizeChart({ rows }: NonNullable<ScalingReport['size']>): TopLevelSpec {
  const values = rows.flatMap((each) => [
    { side: each.side, what: 'total', ms: each.total_ms.median },
    { side: each.side, what: 'decode', ms: each.decode_ms.median },
    { side: each.side, what: 'inference', ms: each.inference_ms.median },
    { side: each.side, what: 'lane CPU', ms: each.lane_cpu_ms.median },
  ]);
  return {
    ...FRAME,
    title: 'One picture, by the side of its source',
    data: { values },
    mark: { type: 'line', point: true },
    encoding: {
      x: { field: 'side', type: 'quantitative', title: 'side, pixels', scale: { type: 'log', base: 2 } },
      y: { field: 'ms', type: 'quantitative', title: 'ms', scale: { type: 'log' } },
      color: { field: 'what', type: 'nominal', title: null },
    },
  };
}

function depthChart({ points }: NonNullable<ScalingReport['depth']>): TopLevelSpec {
  const values = points.map((each) => ({
    walk: each.walk,
    macs: each.macs / 1e6,
    ms: each.inference_ms.median,
    low: each.inference_ms.min,
    high: each.inference_ms.max,
  }));
  const x = { field: 'macs', type: 'quantitative', title: 'million multiply-accumulates' } as const;
  const color = { field: 'walk', type: 'nominal', title: 'route of' } as const;
  return {
    ...FRAME,
    title: 'Inference of one picture, by the exit where it stops',
    data: { values },
    layer: [
      {
        mark: { type: 'line', point: true },
        encoding: { x, y: { field: 'ms', type: 'quantitative', title: 'ms' }, color },
      },
      { mark: 'rule', encoding: { x, y: { field: 'low', type: 'quantitative' }, y2: { field: 'high' }, color } },
    ],
  };
}
