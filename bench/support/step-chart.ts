/** Draws what a step of load did: latency over time with and without the controller, and which operating points served. */

import { svgOf } from '../../src/tune/report/charts.js';
import type { StepRun } from '../step.js';

const BIN_MS = 1000;

export function stepChart(runs: readonly StepRun[], goalMs: number): Promise<string> {
  const latency = runs.flatMap(({ policy, sent }) =>
    binned(sent).map(({ second, each }) => {
      const millis = each
        .map(({ ms, status }) => (status === 200 ? ms : Number.POSITIVE_INFINITY))
        .sort((a, b) => a - b);
      const p95 = millis[Math.floor(0.95 * (millis.length - 1))]!;
      return { second, controller: policy, ms: Number.isFinite(p95) ? p95 : null };
    }),
  );
  const points = runs.flatMap(({ policy, sent }) =>
    binned(sent).flatMap(({ second, each }) => {
      const counts = new Map<string, number>();
      for (const { point, status } of each) {
        const what = status === 200 ? point : 'refused';
        counts.set(what, (counts.get(what) ?? 0) + 1);
      }
      return [...counts].map(([point, requests]) => ({ second, controller: policy, point, requests }));
    }),
  );
  const x = { field: 'second', type: 'quantitative', title: 'second in which the request was sent' } as const;
  return svgOf({
    background: 'white',
    vconcat: [
      {
        title: `p95 of the latency, goal ${goalMs} ms (gaps: more than 5 % refused)`,
        width: 640,
        height: 220,
        layer: [
          {
            data: { values: latency },
            mark: { type: 'line', point: true },
            encoding: {
              x,
              y: { field: 'ms', type: 'quantitative', title: 'ms', scale: { type: 'log' } },
              color: { field: 'controller', type: 'nominal', title: 'controller' },
            },
          },
          {
            data: { values: [{ ms: goalMs }] },
            mark: { type: 'rule', strokeDash: [6, 4] },
            encoding: { y: { field: 'ms', type: 'quantitative' } },
          },
        ],
      },
      ...(['with', 'without'] as const).map((controller) => ({
        title: `operating points ${controller} the controller`,
        width: 640,
        height: 120,
        data: { values: points.filter((each) => each.controller === controller) },
        mark: { type: 'bar' as const },
        encoding: {
          x: { ...x, bin: { step: 1 } },
          y: { field: 'requests', type: 'quantitative' as const, title: 'requests' },
          color: { field: 'point', type: 'nominal' as const, title: 'point' },
        },
      })),
    ],
    config: { font: 'sans-serif' },
  });
}

function binned(sent: StepRun['sent']) {
  const bins = new Map<number, (typeof sent)[number][]>();
  for (const one of sent) {
    const second = Math.floor(one.atMs / BIN_MS);
    const bin = bins.get(second);
    if (bin === undefined) bins.set(second, [one]);
    else bin.push(one);
  }
  return [...bins].map(([second, each]) => ({ second, each }));
}
