/** Models of the Open Inference Protocol: a model is a cascade, its version the digest of what its answers come from. */

import type { Cascade } from '../../cascade/cascade.js';
import { fullMacs } from '../../cascade/cascade.js';
import { versionOf } from '../../cascade/version.js';
import { RequestError, stillStarting } from '../../errors.js';
import type { Gateway } from '../../gateway/gateway.js';
import type { Caller } from '../caller.js';
import { type ModelMetadata, OUTPUTS } from './schema.js';

/** What a path names. */
export interface ModelName {
  readonly name: string;
  /** Undefined: whichever is served. */
  readonly version?: string | undefined;
}

/** Those that the caller may use. */
export function modelsFor({ cascades }: Gateway, caller: Caller): readonly Cascade[] {
  return cascades.filter(({ name }) => caller.mayUse('cascades', name));
}

/** @throws RequestError unknown_cascade, starting */
export async function findModel(gateway: Gateway, { name, version }: ModelName, caller: Caller): Promise<Cascade> {
  if (gateway.cascades.length === 0) throw stillStarting();
  const cascades = modelsFor(gateway, caller);
  const cascade = cascades.find((each) => each.name === name);
  if (cascade === undefined) {
    const known = cascades.map((each) => each.name).join(', ');
    throw new RequestError('unknown_cascade', `no model "${name.slice(0, 40)}"; there are: ${known}`);
  }
  await checkVersion(cascade, version);
  return cascade;
}

/** @throws RequestError unknown_cascade */
export async function checkVersion(cascade: Cascade, version: string | undefined): Promise<void> {
  if (version === undefined) return;
  const served = await versionOf(cascade);
  if (version === served) return;
  const detail = `no version "${version.slice(0, 40)}" of ${cascade.name}; served is: ${served}`;
  throw new RequestError('unknown_cascade', detail);
}

export async function describeModel(gateway: Gateway, cascade: Cascade, caller: Caller): Promise<ModelMetadata> {
  const policies = gateway.services
    .filter((each) => each.cascade === cascade.name && caller.mayUse('policies', each.policy))
    .map((each) => each.policy);
  return {
    name: cascade.name,
    versions: [await versionOf(cascade)],
    platform: 'onnx_onnxv1',
    inputs: [{ name: 'image', datatype: 'BYTES', shape: [-1] }],
    outputs: Object.entries(OUTPUTS).map(([name, { datatype, perClass }]) => ({
      name,
      datatype,
      shape: name === 'logits' ? [-1, cascade.labels.length] : perClass ? [-1, -1] : [-1],
    })),
    properties: {
      description: cascade.description,
      image: 'BYTES [n] or [n, 1]: encoded pictures; UINT8 or FP32 [n, height, width, 3]: pixels, RGB, 0 to 255',
      classes: String(cascade.labels.length),
      resolutions: [...new Set(cascade.rungs.map(({ resolution }) => resolution))].join(','),
      full_macs: String(fullMacs(gateway.facts(cascade.name))),
      policies: policies.join(','),
    },
  };
}
