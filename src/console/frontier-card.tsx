/** A slider along the frontier of a policy: what each point is expected to cost and to be worth, and the policy with that point alone. */

import { useState } from 'preact/hooks';
import type { ThresholdPolicy } from '../policy/schema.js';
import type { Cascade, Policy } from './api-types.js';
import type { Frontier, FrontierPoint } from './frontier.js';
import { FrontierChart } from './frontier-chart.js';
import { withPoint, yamlOf } from './policy-yaml.js';
import { macs, percent } from './units.js';
import { YamlBox } from './yaml-box.js';

export interface FrontierCardProps {
  readonly policy: Policy;
  readonly cascade: Cascade;
  readonly frontier: Frontier;
}

export function FrontierCard({ policy, cascade, frontier }: FrontierCardProps) {
  const { points } = frontier;
  const serving = points.findIndex(({ isServing }) => isServing);
  const [at, setAt] = useState(serving < 0 ? points.length - 1 : serving);
  const point = points[at]!;
  const id = `point-${policy.name}`;
  const chosen = {
    ...withPoint(policy.content as ThresholdPolicy, cascade.name, point.name),
    description: descriptionOf(policy, cascade, point),
  };
  return (
    <>
      <div class="frontier-plot">
        <FrontierChart frontier={frontier} chosen={at} />
        <p class="point-legend" aria-hidden="true">
          {serving >= 0 && <span class="key-serving">serves now</span>}
          <span class="key-chosen">chosen</span>
        </p>
      </div>
      <label class="slider" for={id}>
        Operating point
        <input
          id={id}
          type="range"
          min={0}
          max={points.length - 1}
          step={1}
          value={at}
          aria-valuetext={wordsOf(point)}
          onInput={(event) => setAt(event.currentTarget.valueAsNumber)}
        />
        <span class="slider-ends" aria-hidden="true">
          <span>cheap</span>
          <span>dear</span>
        </span>
      </label>
      <dl class="facts">
        <Fact name="Point" value={point.name} note={point.isServing ? 'serves now' : 'does not serve now'} />
        <Fact name="Expected cost" value={percent(point.ratio)} note={`of the full network, ${macs(point.macs)}`} />
        {point.top1 !== undefined && <Fact name="Expected accuracy" value={percent(point.top1, 2)} note="top-1" />}
        <Fact name="Agreement" value={percent(point.agreement, 2)} note="with the full network" />
      </dl>
      <YamlBox name={`${policy.name}, ${point.name}`} yaml={yamlOf(chosen)} />
    </>
  );
}

function Fact({ name, value, note }: { name: string; value: string; note: string }) {
  return (
    <div class="fact">
      <dt>{name}</dt>
      <dd>
        <b>{value}</b>
      </dd>
      <dd class="note">{note}</dd>
    </div>
  );
}

function wordsOf({ name, ratio, top1, agreement }: FrontierPoint): string {
  const accuracy = top1 === undefined ? '' : `, accuracy ${percent(top1, 2)}`;
  return `${name}: ${percent(ratio)} of the full cost${accuracy}, agreement ${percent(agreement, 2)}`;
}

/** That of the file speaks of all its points. */
function descriptionOf({ name, version }: Policy, cascade: Cascade, point: FrontierPoint): string {
  return `Point ${point.name} of ${name} (version ${version}) on ${cascade.name}, expected: ${wordsOf(point).slice(point.name.length + 2)}.`;
}
