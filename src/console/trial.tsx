/** Try a picture: take it in, show the answer, its way, and what the other policies make of it. */

import { useCallback, useEffect, useState } from 'preact/hooks';
import { AnswerCard } from './answer-card.js';
import type { Api } from './api.js';
import type { Catalogue } from './api-types.js';
import { Comparison } from './comparison.js';
import { Intake, type Picture } from './intake.js';
import { Sample } from './sample.js';
import { spoken } from './spoken.js';
import { useTrial } from './use-trial.js';
import { walkOf, wayOf } from './way.js';
import { WayCard } from './way-card.js';

export function Trial({ api, catalogue }: { api: Api; catalogue: Catalogue }) {
  const [picture, setPicture] = useState<Picture>();
  const [cascadeName, setCascade] = useState<string>();
  const [policyName, setPolicy] = useState<string>();
  const { cascades } = catalogue;
  const cascade =
    cascades.find(({ name }) => name === cascadeName) ?? cascades.find((each) => each.default) ?? cascades[0]!;
  const policies = catalogue.policies.filter(({ name }) => cascade.policies.includes(name));
  const policy =
    policies.find(({ name }) => name === policyName) ?? policies.find((each) => each.default) ?? policies[0];
  const outcomes = useTrial(api, picture?.file, cascade, policies, policy?.name ?? '');
  const outcome = outcomes[policy?.name ?? ''];
  // A picture that is refused is refused by the first policy that was asked.
  const sentence = outcome?.sentence ?? Object.values(outcomes).find((each) => each.sentence !== undefined)?.sentence;
  const answer = outcome?.answer;

  const take = useCallback((file: File) => setPicture({ file, url: URL.createObjectURL(file) }), []);
  useEffect(() => () => URL.revokeObjectURL(picture?.url ?? ''), [picture]);

  return (
    <section id="trial" aria-labelledby="trial-title">
      <h2 id="trial-title">Try a picture</h2>
      <div class="trial">
        <div class="card intake-card">
          <Intake picture={picture} onPicture={take} />
          {picture === undefined && <Sample onPicture={take} />}
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
        <AnswerCard
          answer={answer}
          sentence={answer === undefined ? sentence : undefined}
          isAsking={picture !== undefined && outcome === undefined && sentence === undefined}
        />
      </div>
      <p class="unseen" role="status" aria-live="polite">
        {answer === undefined ? (sentence ?? '') : spoken(answer)}
      </p>
      {answer !== undefined && (
        <WayCard
          key={`${answer.id}`}
          answer={answer}
          way={wayOf(answer, cascade, walkOf(answer, catalogue.policies))}
        />
      )}
      {picture !== undefined && answer !== undefined && policies.length > 1 && (
        <Comparison policies={policies} outcomes={outcomes} chosen={policy?.name ?? ''} onChoose={setPolicy} />
      )}
    </section>
  );
}
