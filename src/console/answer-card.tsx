/** The answer: what it is, how sure, what it cost, how long it took. */

import type { Answer } from './api-types.js';
import { duration, percent } from './units.js';

export interface AnswerCardProps {
  readonly answer: Answer | undefined;
  /** Why there is no answer. */
  readonly sentence: string | undefined;
  readonly isAsking: boolean;
}

export function AnswerCard({ answer, sentence, isAsking }: AnswerCardProps) {
  if (sentence !== undefined) {
    return (
      <div class="card answer is-refused">
        <p class="trouble">{sentence}</p>
      </div>
    );
  }
  if (answer === undefined) {
    return (
      <div class="card answer is-empty">
        <p>{isAsking ? 'On its way…' : 'The answer stands here, with what it cost.'}</p>
      </div>
    );
  }
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
