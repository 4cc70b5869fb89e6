/** The way through the cascade: each exit a chamber, the score its water, the threshold its gate. */

import type { Answer } from './api-types.js';
import { CostStrip } from './cost-strip.js';
import { amount, percent, score } from './units.js';
import { reasonOf, type Way, type WayExit, type WayRung } from './way.js';

export function WayCard({ answer, way }: { answer: Answer; way: Way }) {
  return (
    <section class="card way" aria-labelledby="way-title">
      <header>
        <h3 id="way-title">Its way through the cascade</h3>
        <p class="note">
          {answer.policy}
          {answer.route.point === undefined ? '' : `, point ${answer.route.point}`} · {reasonOf(answer)}
        </p>
      </header>
      <ol class="rungs">
        {way.rungs.map((rung) => (
          <RungRow key={rung.rung.id} row={rung} top={way.top} />
        ))}
      </ol>
      <p class="legend" aria-hidden="true">
        <span class="key-water">score</span>
        <span class="key-gate">threshold: leaves from here up</span>
        <span class="key-left">left here</span>
        <span class="key-saved">never run</span>
        <span class="key-unit">MACs: multiply-accumulates</span>
      </p>
      <CostStrip answer={answer} way={way} />
    </section>
  );
}

function RungRow({ row: { rung, exits, isEntered }, top }: { row: WayRung; top: number }) {
  return (
    <li class={`rung${isEntered ? '' : ' is-saved'}`}>
      <p class="rung-name">
        <b>
          Width {rung.width} · {rung.resolution}&nbsp;px
        </b>
        <span>
          {rung.backbone}
          {isEntered ? '' : ' · not needed'}
        </span>
      </p>
      <ol class="exits">
        {exits.map((exit) => (
          <Chamber key={exit.exit} exit={exit} top={top} />
        ))}
      </ol>
    </li>
  );
}

function Chamber({ exit, top }: { exit: WayExit; top: number }) {
  const { state, threshold, order } = exit;
  const height = (value: number) => `${(100 * value) / top}%`;
  return (
    <li class={`exit is-${state}`} style={{ '--order': String(order ?? 0) }}>
      <span class="unseen">{wordsOf(exit)}</span>
      <span class="exit-name" aria-hidden="true">
        exit {exit.exit}
      </span>
      <span class="chamber" aria-hidden="true">
        {exit.score !== undefined && <span class="water" style={{ height: height(exit.score) }} />}
        {threshold !== null && <span class="gate" style={{ bottom: height(threshold) }} />}
        {state === 'left' && <span class="drop" style={{ bottom: height(exit.score!) }} />}
      </span>
      <span class="reading" aria-hidden="true">
        <b>{exit.score === undefined ? '–' : top > 1 ? score(exit.score) : percent(exit.score)}</b>
        <span>{threshold === null ? 'no gate' : top > 1 ? `of ${score(threshold)}` : `of ${percent(threshold)}`}</span>
        <span class="stage-cost">{amount(exit.macs)}</span>
      </span>
    </li>
  );
}

function wordsOf({ exit, state, score: reached, threshold, macs }: WayExit): string {
  const cost = `${amount(macs)} multiply-accumulates`;
  if (state === 'saved') return `Exit ${exit}: never run, ${cost} saved.`;
  const against = threshold === null ? 'no threshold' : `threshold ${score(threshold)}`;
  return `Exit ${exit}: score ${score(reached!)}, ${against}, ${state === 'left' ? 'left here' : 'went on'}, ${cost}.`;
}
