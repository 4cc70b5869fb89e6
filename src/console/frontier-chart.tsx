/** The frontier as a curve: cost to the right, quality upwards. */

import type { Frontier, FrontierPoint } from './frontier.js';
import { percent } from './units.js';

const [WIDTH, HEIGHT] = [420, 190];
/** Between the marks of the cost. */
const STEPS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5];
const EDGE = { left: 52, right: 14, top: 14, bottom: 34 };

export interface FrontierChartProps {
  readonly frontier: Frontier;
  /** Index of the point. */
  readonly chosen: number;
}

export function FrontierChart({ frontier: { points, quality }, chosen }: FrontierChartProps) {
  const worth = (point: FrontierPoint) => (quality === 'top1' ? point.top1! : point.agreement);
  const worths = points.map(worth);
  const [low, high] = padded(Math.min(...worths), Math.max(...worths));
  const most = Math.max(...points.map(({ ratio }) => ratio)) * 1.08;
  const x = ({ ratio }: FrontierPoint) => EDGE.left + (ratio / most) * (WIDTH - EDGE.left - EDGE.right);
  const y = (value: number) =>
    HEIGHT - EDGE.bottom - ((value - low) / (high - low)) * (HEIGHT - EDGE.top - EDGE.bottom);
  const step = STEPS.find((each) => most / each <= 6) ?? 1;
  const marks = Array.from({ length: Math.floor(most / step) + 1 }, (_, at) => at * step);
  const name = quality === 'top1' ? 'accuracy' : 'agreement';
  const serving = points.find(({ isServing }) => isServing);
  const label = `Expected ${name} against cost, ${points.length} points: ${points[chosen]!.name} is chosen${serving === undefined ? '' : `, ${serving.name} serves now`}`;
  return (
    <svg class="frontier" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={label}>
      {[low, (low + high) / 2, high].map((value) => (
        <g key={value}>
          <line class="grid" x1={EDGE.left} x2={WIDTH - EDGE.right} y1={y(value)} y2={y(value)} />
          <text x={EDGE.left - 8} y={y(value) + 4} text-anchor="end">
            {percent(value)}
          </text>
        </g>
      ))}
      {marks.map((share) => (
        <text key={share} x={x({ ratio: share } as FrontierPoint)} y={HEIGHT - EDGE.bottom + 16} text-anchor="middle">
          {percent(share, 0)}
        </text>
      ))}
      <text class="axis-name" x={WIDTH - EDGE.right} y={HEIGHT - 3} text-anchor="end">
        share of the full cost
      </text>
      <text class="axis-name" x={EDGE.left + 4} y={EDGE.top + 2}>
        {name}
      </text>
      <polyline class="curve" points={points.map((point) => `${x(point)},${y(worth(point))}`).join(' ')} />
      {points.map((point, at) => (
        <circle
          key={point.name}
          class={`point${at === chosen ? ' is-chosen' : ''}${point.isServing ? ' is-serving' : ''}`}
          cx={x(point)}
          cy={y(worth(point))}
          r={at === chosen ? 7 : 4.5}
        />
      ))}
    </svg>
  );
}

/** Room above and below; one value alone gets a point of a percent. */
function padded(low: number, high: number): readonly [number, number] {
  const room = Math.max(0.002, (high - low) * 0.15);
  return [Math.max(0, low - room), Math.min(1, high + room)];
}
