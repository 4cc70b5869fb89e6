/** Try a picture: take it in, show the answer, its way, and what the other policies make of it. */

import { useState } from 'preact/hooks';
import { AnswerCard } from './answer-card.js';
import type { Api } from './api.js';
import type { Catalogue } from './api-types.js';
import { Comparison } from './comparison.js';
import { Intake } from './intake.js';
import { Sample } from './sample.js';
import { spoken } from './spoken.js';
import { outcomeOf } from './trial-outcome.js';
import type { PictureNow } from './use-picture.js';
import { useTrial } from './use-trial.js';
import { walkOf, wayOf } from './way.js';
import { WayCard } from './way-card.js';

export interface TrialProps {
  readonly api: Api;
  readonly catalogue: Catalogue;
  readonly intake: PictureNow;
}

export function Trial({ api, catalogue, intake }: TrialProps) {
  const { picture } = intake;
  const [cascadeName, setCascade] = useState<string>();
  const [policyName, setPolicy] = useState<string>();
  const { cascades } = catalogue;
  const cascade =
    cascades.find(({ name }) => name === cascadeName) ?? cascades.find((each) => each.default) ?? cascades[0]!;
  const policies = catalogue.policies.filter(({ name }) => cascade.policies.includes(name));
  const policy =
    policies.find(({ name }) => name === policyName) ?? policies.find((each) => each.default) ?? policies[0];
  const chosen = policy?.name ?? '';
  const version = catalogue.versions[cascade.name] ?? '';
  const subject = { picture: picture?.bytes, cascade, version, policies, chosen };
  const { outcomes, askAgain } = useTrial(api, subject);
  const outcome = outcomeOf(outcomes, chosen);
  const answer = outcome?.answer;
  const isCompared = policies.length > 1 && Object.values(outcomes).some((each) => each.answer !== undefined);

  return (
    <section id="trial" aria-labelledby="trial-title">
      <h2 id="trial-title">Try a picture</h2>
      <div class="trial">
        <div class="card intake-card">
          <Intake {...intake} />
          {picture === undefined && <Sample take={intake.take} />}
          <div class="choices">
            {cascades.length > 1 && (
              <label>
                Cascade
                <select value={cascade.name} onChange={(event) => setCascade(event.currentTarget.value)}>
                  {cascades.map(({ name }) => (
                    <option key={name}>{name}</option>
                  ))}
                </select>
              </label>
            )}
            <label>
              Policy
              <select value={policy?.name} onChange={(event) => setPolicy(event.currentTarget.value)}>
                {policies.map(({ name }) => (
                  <option key={name}>{name}</option>
                ))}
              </select>
            </label>
          </div>
        </div>
        <AnswerCard outcome={outcome} isAsking={picture !== undefined} onAgain={askAgain} />
      </div>
      <p class="unseen" role="status" aria-live="polite">
        {answer === undefined ? (outcome?.sentence ?? '') : spoken(answer)}
      </p>
      {answer !== undefined && (
        <WayCard
          key={`${answer.id}`}
          answer={answer}
          way={wayOf(answer, cascade, walkOf(answer, catalogue.policies))}
        />
      )}
      {picture !== undefined && isCompared && (
        <Comparison policies={policies} outcomes={outcomes} chosen={chosen} onChoose={setPolicy} />
      )}
    </section>
  );
}
