/** The package's cifar10 as it is today, and policies of a test's own for it. */

import { loadCascade } from '../../src/cascade/loader.js';
import type { NamedPolicy } from '../../src/policy/loader.js';
import { PolicyFile } from '../../src/policy/schema.js';
import { MODELS } from './gateway.js';

export const CIFAR10 = await loadCascade(`${MODELS}/cifar10/cascade.yaml`, 'cifar10');
/** The full network. */
export const FULL = CIFAR10.rungs.at(-1)!;
/** One threshold an exit of a rung: it is never left early. */
export const never = ({ stages }: { readonly stages: readonly unknown[] }) => stages.map(() => null);

/** What the answer of an exit says of where it was given. */
export const placeOf = ({ backbone, width, resolution }: { backbone: string; width: number; resolution: number }) =>
  `${backbone}/${width}@${resolution}`;

/** @param rule of cifar10 */
export function policyOfCifar10(name: string, rule: object, more: object = {}): NamedPolicy {
  const policy = PolicyFile.parse({ kind: 'threshold', cascades: { cifar10: rule }, ...more });
  return { name, file: `${name}.yaml`, version: `version of ${name}`, policy };
}

/** Without early exits, as the full network is walked, at a part of its cost: for tests that send many pictures. */
export const ONE_WAY = { route: [{ rung: 'slimnet/1@32', thresholds: [null, null, null, null] }] };
