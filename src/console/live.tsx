/** What the gateway does now: answers, time, saving, and where pictures leave. */

import { useMemo, useState } from 'preact/hooks';
import type { Snapshot } from '../http/snapshot.js';
import type { Cascade } from './api-types.js';
import { Charts } from './charts.js';
import { gatewaysOf, intervalsOf } from './looks.js';
import { totalsOf } from './traffic.js';
import { amount, counted, dayAndTime, percent } from './units.js';
import type { Figures } from './use-figures.js';

export function Live({ figures, cascades }: { figures: Figures; cascades: readonly Cascade[] }) {
  const [chosen, setChosen] = useState<string>();
  const cascade = cascades.find(({ name }) => name === chosen) ?? cascades.find((each) => each.default) ?? cascades[0]!;
  const { looks, latest, trouble } = figures;
  const intervals = useMemo(() => intervalsOf(looks, cascade.name), [looks, cascade.name]);
  const gateways = useMemo(() => gatewaysOf(looks), [looks]);
  const lastSeenMs = trouble === undefined ? undefined : looks.at(-1)?.seenMs;
  return (
    <section id="live" aria-labelledby="live-title">
      <h2 id="live-title">Live traffic</h2>
      {trouble !== undefined && (
        <p class="trouble" role="alert">
          No figures: {trouble}
        </p>
      )}
      {latest?.counts === false ? (
        <p class="trouble" role="alert">
          Metrics are off (<code>--no-metrics</code>): nothing is counted.
        </p>
      ) : (
        <>
          {gateways > 1 && (
            <p class="note" role="status">
              {gateways} gateways answer at this address in turn: each figure is of one of them, not of all.
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
          {latest !== undefined && <Since latest={latest} cascade={cascade} />}
          <Charts intervals={intervals} cascade={cascade} lastSeenMs={lastSeenMs} />
        </>
      )}
    </section>
  );
}

function Since({ latest, cascade }: { latest: Snapshot; cascade: Cascade }) {
  const { answers, macs, fullMacs } = totalsOf(latest, cascade.name);
  // Pictures that most rungs are unsure of pay for all of them.
  const isMore = macs > fullMacs;
  return (
    <p class="since">
      Since the start on {dayAndTime(latest.started_ms)}: <b>{counted(answers, 'answer')}</b>
      {fullMacs > 0 && (
        <>
          , <b>{percent(Math.abs(1 - macs / fullMacs))}</b>{' '}
          {isMore ? 'more computation than the full network' : 'of the computation saved'},{' '}
          {amount(Math.abs(fullMacs - macs))} MACs
        </>
      )}
      . The whole gateway: {counted(latest.queued, 'request')} in the queue
      {latest.refused > 0 && <>, {latest.refused.toLocaleString('en')} refused that named nothing it serves</>}.
    </p>
  );
}
