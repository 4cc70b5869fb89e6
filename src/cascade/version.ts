/** The version of a cascade: what its answers come from, in one word. */

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { basename } from 'node:path';
import type { Cascade, Stage } from './cascade.js';

const DIGITS = 12;
const known = new WeakMap<Cascade, Promise<string>>();

/**
 * The first twelve digits of the SHA-256 of its labels, its input and its stages (weights and temperatures): equal versions give equal
 * answers, and a file that is written anew with the same content is no other version. Asked again, nothing is read again.
 */
export function versionOf(cascade: Cascade): Promise<string> {
  let version = known.get(cascade);
  if (version === undefined) {
    version = digestOf(cascade);
    known.set(cascade, version);
    // One that failed is tried again.
    version.catch(() => known.delete(cascade));
  }
  return version;
}

async function digestOf({ labels, input, rungs }: Cascade): Promise<string> {
  // Rungs that differ in their resolution alone have the same files.
  const weights = new Map<string, string>();
  const stages = [];
  for (const { id, stages: own } of rungs) {
    for (const stage of own) {
      const { file, inputs, features, logits, temperature } = stage;
      if (!weights.has(file)) weights.set(file, await weightsOf(stage));
      stages.push([id, weights.get(file), inputs, features, logits, temperature]);
    }
  }
  const content = JSON.stringify([labels.map(({ name, wnid }) => [name, wnid]), input, stages]);
  return createHash('sha256').update(content).digest('hex').slice(0, DIGITS);
}

/** Copies are named by their SHA-256 (gateway/model-store). */
async function weightsOf({ copy, file }: Stage): Promise<string> {
  if (copy !== undefined) return basename(copy, '.onnx');
  const hash = createHash('sha256');
  for await (const piece of createReadStream(file)) hash.update(piece as Buffer);
  return hash.digest('hex');
}
