/** The loaded policies: what each is for, its frontier where it has one, and its YAML. */

import { useState } from 'preact/hooks';
import type { Cascade, Catalogue, Policy } from './api-types.js';
import { frontierOf } from './frontier.js';
import { FrontierCard } from './frontier-card.js';
import { yamlOf } from './policy-yaml.js';
import { DRIFTED, servingOf } from './serving.js';
import { YamlBox } from './yaml-box.js';

export function Policies({ policies, cascades, refused }: Omit<Catalogue, 'versions'>) {
  // Wide cards first: the others stand side by side below them.
  const rank = (policy: Policy) =>
    Number(policy.default) + 2 * Number(cascades.some((cascade) => frontierOf(policy, cascade) !== undefined));
  const ranked = [...policies].sort((a, b) => rank(b) - rank(a));
  return (
    <section id="policies" aria-labelledby="policies-title">
      <h2 id="policies-title">Policies</h2>
      {refused.map(({ file, key, reason }) => (
        <p key={`${file} ${key}`} class="trouble" role="alert">
          The last change was refused, what served before still does: {file}: {key === '' ? '' : `${key}: `}
          {reason}.
        </p>
      ))}
      <div class="policies">
        {ranked.map((policy) => (
          <PolicyCard key={`${policy.name} ${policy.version}`} policy={policy} cascades={cascades} />
        ))}
      </div>
    </section>
  );
}

function PolicyCard({ policy, cascades }: { policy: Policy; cascades: readonly Cascade[] }) {
  const { name, version, content } = policy;
  const tuned = cascades.flatMap((cascade) => {
    const frontier = frontierOf(policy, cascade);
    return frontier === undefined ? [] : [{ cascade, frontier }];
  });
  const [chosen, setChosen] = useState<string>();
  const shown = tuned.find(({ cascade }) => cascade.name === chosen) ?? tuned[0];
  return (
    <article class={`card policy${shown === undefined ? '' : ' has-frontier'}`} aria-labelledby={`policy-${name}`}>
      <header>
        <h3 id={`policy-${name}`}>{name}</h3>
        {policy.default && <span class="badge">default</span>}
        <span class="version">version {version}</span>
      </header>
      {content.description !== '' && <p>{withCode(content.description)}</p>}
      {tuned.length > 1 && (
        <label>
          Cascade
          <select value={shown!.cascade.name} onChange={(event) => setChosen(event.currentTarget.value)}>
            {tuned.map(({ cascade }) => (
              <option key={cascade.name}>{cascade.name}</option>
            ))}
          </select>
        </label>
      )}
      {cascades.map(({ name: on }) => (
        <ServingLine key={on} policy={policy} cascade={on} isNamed={cascades.length > 1} />
      ))}
      {shown === undefined ? (
        <details>
          <summary>YAML</summary>
          <YamlBox name={name} yaml={yamlOf(content)} />
        </details>
      ) : (
        <FrontierCard key={shown.cascade.name} policy={policy} cascade={shown.cascade} frontier={shown.frontier} />
      )}
    </article>
  );
}

/** @param isNamed there are other cascades */
function ServingLine({ policy, cascade, isNamed }: { policy: Policy; cascade: string; isNamed: boolean }) {
  const serving = servingOf(policy, cascade);
  if (serving === undefined) return null;
  return (
    <p class={`serving${serving.point === undefined ? ' trouble' : ''}`}>
      Serves now{isNamed ? ` on ${cascade}` : ''}: <b>{serving.point ?? DRIFTED}</b>.
    </p>
  );
}

/** What stands between backticks is code, as in the files. */
function withCode(text: string) {
  return text.split(/(`[^`]+`)/).map((part) => (part.startsWith('`') ? <code>{part.slice(1, -1)}</code> : part));
}
