/** What the way cost, beside what the full network costs: one stripe a stage that was run. */

import type { Answer } from './api-types.js';
import { macs, percent } from './units.js';
import type { Way } from './way.js';

export function CostStrip({ answer: { cost }, way }: { answer: Answer; way: Way }) {
  const whole = Math.max(cost.full_macs, cost.macs);
  const width = (part: number) => ({ width: `${(100 * part) / whole}%` });
  const run = way.rungs.flatMap(({ exits }, rung) =>
    exits.filter(({ state }) => state !== 'saved').map((exit) => ({ ...exit, rung })),
  );
  const saved = cost.full_macs - cost.macs;
  return (
    <figure class="cost">
      <div class="strip" aria-hidden="true">
        {run.map(({ rung, exit, macs: part }) => (
          <span key={`${rung} ${exit}`} class={`stripe rung-${rung % 2}`} style={width(part)} />
        ))}
        {saved > 0 && <span class="stripe saved" style={width(saved)} />}
        {saved < 0 && <span class="full-mark" style={{ left: `${(100 * cost.full_macs) / whole}%` }} />}
      </div>
      <figcaption>
        <span>
          <b>{macs(cost.macs)}</b> spent
        </span>
        <span class={saved >= 0 ? 'saved-text' : 'overspent-text'}>
          {saved >= 0 ? (
            <>
              <b>{macs(saved)}</b> saved, {percent(saved / cost.full_macs)} of the full network
            </>
          ) : (
            <>
              <b>{macs(-saved)}</b> more than the full network
            </>
          )}
        </span>
      </figcaption>
    </figure>
  );
}
