/** The charts of the traffic of one cascade. */

import type { Cascade } from './api-types.js';
import { Chart } from './chart.js';
import { chartWords } from './chart-words.js';
import { exitColours } from './exit-colours.js';
import type { Interval } from './traffic.js';
import { amount, percent } from './units.js';

export interface ChartsProps {
  readonly intervals: readonly Interval[];
  readonly cascade: Cascade;
  /** When a gateway was last seen, where none is seen now. */
  readonly lastSeenMs: number | undefined;
}

export function Charts({ intervals, cascade, lastSeenMs }: ChartsProps) {
  const times = intervals.map(({ atMs }) => atMs / 1000);
  const words = chartWords(intervals, lastSeenMs);
  const keys = new Set(intervals.flatMap(({ exits }) => Object.keys(exits).filter((key) => exits[key]! > 0)));
  const exits = exitColours(cascade, keys);
  const share = (value: number) => percent(value, 0);
  // Ticks are round: digits after them would say nothing.
  const milliseconds = (value: number) => (value >= 1000 ? `${value / 1000} s` : `${value} ms`);
  return (
    <div class="charts">
      <Chart
        title="Answers a second"
        now={words.answers}
        times={times}
        look="area"
        unit={amount}
        series={[
          { label: 'answers', colour: 'var(--water)', values: intervals.map((each) => each.answersPerSecond) },
          { label: 'refusals', colour: 'var(--trouble)', values: intervals.map((each) => each.refusalsPerSecond) },
        ]}
      />
      <Chart
        title="Time to the answer"
        now={words.times}
        times={times}
        look="lines"
        unit={milliseconds}
        series={[
          { label: 'p50', colour: 'var(--water)', values: intervals.map((each) => each.times?.p50Ms) },
          { label: 'p95', colour: 'var(--gate)', values: intervals.map((each) => each.times?.p95Ms) },
        ]}
      />
      <Chart
        title="Computation saved"
        now={words.saving}
        times={times}
        look="area"
        unit={share}
        top={1}
        series={[{ label: 'saved', colour: 'var(--saved)', values: intervals.map((each) => each.saving) }]}
      />
      <Chart
        title="Where pictures leave"
        now={words.exits}
        times={times}
        look="stack"
        unit={share}
        top={1}
        series={exits.map(({ key, name, colour }) => ({
          label: name,
          colour,
          values: intervals.map(({ answersPerSecond = 0, exits: shares }) =>
            answersPerSecond > 0 ? (shares[key] ?? 0) : undefined,
          ),
        }))}
      />
    </div>
  );
}
