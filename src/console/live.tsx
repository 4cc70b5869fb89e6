/** What the gateway does now: answers, time, saving, and where pictures leave. */

import { useMemo, useState } from 'preact/hooks';
import type { Cascade } from './api-types.js';
import { Chart } from './chart.js';
import { exitColours } from './exit-colours.js';
import { between, type Interval, totalsOf } from './traffic.js';
import { amount, counted, duration, percent } from './units.js';
import type { Figures } from './use-figures.js';

export function Live({ figures, cascades }: { figures: Figures; cascades: readonly Cascade[] }) {
  const [chosen, setChosen] = useState<string>();
  const cascade = cascades.find(({ name }) => name === chosen) ?? cascades.find((each) => each.default) ?? cascades[0]!;
  const { snapshots, latest, trouble } = figures;
  const intervals = useMemo(
    () => snapshots.slice(1).flatMap((snapshot, at) => between(snapshots[at]!, snapshot, cascade.name) ?? []),
    [snapshots, cascade.name],
  );
  return (
    <section id="live" aria-labelledby="live-title">
      <h2 id="live-title">Live traffic</h2>
      {trouble !== undefined && (
        <p class="trouble" role="alert">
          No figures: {trouble}
        </p>
      )}
      {cascades.length > 1 && (
        <label class="live-choice">
          Cascade
          <select value={cascade.name} onChange={(event) => setChosen(event.currentTarget.value)}>
            {cascades.map(({ name }) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </label>
      )}
      {latest?.counts === false && (
        <p class="trouble" role="alert">
          Metrics are off (<code>--no-metrics</code>): nothing is counted.
        </p>
      )}
      {latest !== undefined && <Since latest={latest} cascade={cascade} />}
      <Charts intervals={intervals} cascade={cascade} />
    </section>
  );
}

function Since({ latest, cascade }: { latest: NonNullable<Figures['latest']>; cascade: Cascade }) {
  const { answers, macs, fullMacs } = totalsOf(latest, cascade.name);
  // Pictures that most rungs are unsure of pay for all of them.
  const isMore = macs > fullMacs;
  return (
    <p class="since">
      Since the start: <b>{counted(answers, 'answer')}</b>
      {fullMacs > 0 && (
        <>
          , <b>{percent(Math.abs(1 - macs / fullMacs))}</b>{' '}
          {isMore ? 'more computation than the full network' : 'of the computation saved'},{' '}
          {amount(Math.abs(fullMacs - macs))} MACs
        </>
      )}
      . {counted(latest.queued, 'request')} in the queue.
    </p>
  );
}

function Charts({ intervals, cascade }: { intervals: readonly Interval[]; cascade: Cascade }) {
  const times = intervals.map(({ atMs }) => atMs / 1000);
  const last = intervals.at(-1);
  // What was last seen of a thing that only answers have.
  const lastAnswered = intervals.findLast(({ answersPerSecond }) => answersPerSecond > 0);
  const keys = new Set(intervals.flatMap(({ exits }) => Object.keys(exits).filter((key) => exits[key]! > 0)));
  const exits = exitColours(cascade, keys);
  const share = (value: number) => percent(value, 0);
  // Ticks are round: digits after them would say nothing.
  const milliseconds = (value: number) => (value >= 1000 ? `${value / 1000} s` : `${value} ms`);
  const none = 'no answers yet';
  return (
    <div class="charts">
      <Chart
        title="Answers a second"
        now={
          last === undefined
            ? 'looking…'
            : `${amount(last.answersPerSecond)}${last.refusalsPerSecond > 0 ? `, ${amount(last.refusalsPerSecond)} refused` : ''}`
        }
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
        now={
          lastAnswered?.p50Ms === undefined
            ? none
            : `p50 ${duration(lastAnswered.p50Ms)}, p95 ${duration(lastAnswered.p95Ms!)}`
        }
        times={times}
        look="lines"
        unit={milliseconds}
        series={[
          { label: 'p50', colour: 'var(--water)', values: intervals.map((each) => each.p50Ms) },
          { label: 'p95', colour: 'var(--gate)', values: intervals.map((each) => each.p95Ms) },
        ]}
      />
      <Chart
        title="Computation saved"
        now={lastAnswered?.saving === undefined ? none : percent(lastAnswered.saving)}
        times={times}
        look="area"
        unit={share}
        top={1}
        series={[{ label: 'saved', colour: 'var(--saved)', values: intervals.map((each) => each.saving) }]}
      />
      <Chart
        title="Where pictures leave"
        now={exits.length === 0 ? none : 'share of the answers by exit'}
        times={times}
        look="stack"
        unit={share}
        top={1}
        series={exits.map(({ key, name, colour }) => ({
          label: name,
          colour,
          values: intervals.map((each) => (each.answersPerSecond > 0 ? (each.exits[key] ?? 0) : undefined)),
        }))}
      />
    </div>
  );
}
