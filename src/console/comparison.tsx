/** The same picture under every policy, side by side. */

import type { Policy } from './api-types.js';
import type { Outcome, Outcomes } from './trial-outcome.js';
import { duration, percent, rungName } from './units.js';

export interface ComparisonProps {
  readonly policies: readonly Policy[];
  readonly outcomes: Outcomes;
  readonly chosen: string;
  readonly onChoose: (policy: string) => void;
}

export function Comparison({ policies, outcomes, chosen, onChoose }: ComparisonProps) {
  // Dear to cheap, those without an answer last.
  const cost = ({ name }: Policy) => outcomes[name]?.answer?.cost.macs ?? -1;
  const rows = [...policies].sort((a, b) => cost(b) - cost(a));
  const widest = Math.max(1, ...policies.map(({ name }) => outcomes[name]?.answer?.cost.ratio ?? 0));
  return (
    <section class="card comparison" aria-labelledby="comparison-title">
      <h3 id="comparison-title">The same picture under every policy</h3>
      <table>
        <thead>
          <tr>
            <th scope="col">Policy</th>
            <th scope="col">Answer</th>
            <th scope="col">Left at</th>
            <th scope="col">Of the full cost</th>
            <th scope="col">Time</th>
          </tr>
        </thead>
        <tbody>
          {rows.map(({ name }) => (
            <tr key={name} class={name === chosen ? 'is-chosen' : ''}>
              <th scope="row">
                <button type="button" class="link" aria-pressed={name === chosen} onClick={() => onChoose(name)}>
                  {name}
                </button>
              </th>
              <Cells name={name} outcome={outcomes[name]} widest={widest} />
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Cells({ name, outcome, widest }: { name: string; outcome: Outcome | undefined; widest: number }) {
  if (outcome === undefined) return <td colSpan={4}>…</td>;
  if (outcome.answer === undefined) {
    return (
      <td colSpan={4} class="trouble">
        {outcome.sentence}
      </td>
    );
  }
  const { predictions, route, cost, policy } = outcome.answer;
  const best = predictions[0]!;
  return (
    <>
      <td data-name="Answer">
        <span>
          <b>{best.label}</b> {percent(best.probability)}
          {policy !== name && <span class="note"> by {policy}, as an experiment</span>}
        </span>
      </td>
      <td data-name="Left at">
        <span>
          exit {route.exit}, {rungName(route)}
        </span>
      </td>
      <td data-name="Of the full cost" class="cost-cell">
        <span class="track" aria-hidden="true">
          <span style={{ width: `${(100 * cost.ratio) / widest}%` }} />
        </span>
        <span class="number">{percent(cost.ratio)}</span>
      </td>
      <td data-name="Time" class="number">
        <span>{duration(cost.total_ms)}</span>
      </td>
    </>
  );
}
