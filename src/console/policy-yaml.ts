/** The YAML of a policy as its file would have it, with one operating point of it chosen. Pure. */

import { Document } from 'yaml';
import type { CascadeRule, PolicyFile, ThresholdPolicy } from '../policy/schema.js';
import { oneLineARung } from '../policy/text.js';

const SCHEMA = ' yaml-language-server: $schema=./policy.schema.json';

/** The policy with the route of that point in place of all points; other cascades stay as they are. */
export function withPoint(policy: ThresholdPolicy, cascade: string, point: string): ThresholdPolicy {
  const rule = policy.cascades[cascade];
  const at = rule?.points?.findIndex(({ name }) => name === point) ?? -1;
  if (rule === undefined || at < 0) return policy;
  const { points, floor: _, guarantee, entry: _none, route: _neither, ...common } = rule;
  const { entry, route } = points![at]!;
  const chosen: CascadeRule = {
    ...common,
    ...(entry === undefined ? {} : { entry }),
    route,
    // It speaks of the first point.
    ...(guarantee === undefined || at > 0 ? {} : { guarantee }),
  };
  const cascades = { ...policy.cascades, [cascade]: chosen };
  const { goal, ...rest } = policy;
  // A goal chooses between points.
  const hasChoice = Object.values(cascades).some((each) => each.points !== undefined && each.points.length > 1);
  return { ...rest, ...(goal !== undefined && hasChoice ? { goal } : {}), cascades };
}

export function yamlOf(policy: PolicyFile): string {
  const document = new Document(written(policy));
  oneLineARung(document);
  document.commentBefore = SCHEMA;
  // Without the empty line that the library puts below a comment: as in policies/.
  return document.toString({ lineWidth: 140 }).replace(/^(#.*\n)\n/, '$1');
}

/** In the order in which people write it, without what is so anyway. */
function written(policy: PolicyFile): object {
  const { kind, description } = policy;
  const head = { kind, ...(description === '' ? {} : { description }) };
  if (policy.kind === 'full') return head;
  const { kind: _, description: _too, score, ensemble, ...rest } = policy;
  return {
    ...head,
    ...(score === 'max_probability' ? {} : { score }),
    ...(ensemble === 'none' ? {} : { ensemble }),
    ...rest,
  };
}
