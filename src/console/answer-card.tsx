/** The answer: what it is, how sure, what it cost, how long it took. */

import { useEffect, useState } from 'preact/hooks';
import type { Answer } from './api-types.js';
import type { Outcome } from './trial-outcome.js';
import { duration, percent } from './units.js';

/** Whoever waits longer wants to hear that it is not forgotten. */
const LONG_MS = 10_000;

export interface AnswerCardProps {
  /** Undefined: there is none yet. */
  readonly outcome: Outcome | undefined;
  /** There is a picture. */
  readonly isAsking: boolean;
  readonly onAgain: () => void;
}

export function AnswerCard({ outcome, isAsking, onAgain }: AnswerCardProps) {
  if (outcome === undefined) {
    return (
      <div class="card answer is-empty">
        {isAsking ? <Waiting /> : <p>The answer stands here, with what it cost.</p>}
      </div>
    );
  }
  if (outcome.answer === undefined) {
    return (
      <div class="card answer is-refused">
        <p class="trouble">{outcome.sentence}</p>
        {outcome.isPassing && (
          <button type="button" onClick={onAgain}>
            Ask again
          </button>
        )}
      </div>
    );
  }
  return <Answered answer={outcome.answer} />;
}

function Waiting() {
  const [isLong, setLong] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setLong(true), LONG_MS);
    return () => clearTimeout(timer);
  }, []);
  return (
    <p role="status">
      {isLong
        ? 'Still on its way: the gateway is busy, or the line is slow. Another picture takes its place.'
        : 'On its way…'}
    </p>
  );
}

function Answered({ answer }: { answer: Answer }) {
  const best = answer.predictions[0]!;
  return (
    <div class="card answer">
      <p class="verdict">
        <strong>{best.label}</strong> <span>{percent(best.probability)}</span>
      </p>
      <ol class="predictions" aria-label="Most probable classes">
        {answer.predictions.map(({ index, label, probability }) => (
          <li key={index}>
            <span class="predicted">{label}</span>
            <span class="track" aria-hidden="true">
              <span style={{ width: `${100 * probability}%` }} />
            </span>
            <span class="number">{percent(probability)}</span>
          </li>
        ))}
      </ol>
      <dl class="facts">
        <Saving ratio={answer.cost.ratio} />
        <Time cost={answer.cost} />
      </dl>
    </div>
  );
}

function Saving({ ratio }: { ratio: number }) {
  return (
    <div class="fact">
      <dt>Computation</dt>
      <dd>
        <b>{percent(ratio)}</b> of the full network
      </dd>
      <dd class="note">{ratio <= 1 ? `${percent(1 - ratio)} saved` : `${percent(ratio - 1)} more: it climbed far`}</dd>
    </div>
  );
}

function Time({ cost }: { cost: Answer['cost'] }) {
  return (
    <div class="fact">
      <dt>Time</dt>
      <dd>
        <b>{duration(cost.total_ms)}</b>
      </dd>
      <dd class="note">
        decode {duration(cost.decode_ms)}, inference {duration(cost.inference_ms)}, waiting {duration(cost.queue_ms)}
      </dd>
    </div>
  );
}
