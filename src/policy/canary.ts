/** Which of two policies answers a request of an experiment. Pure. */

import { createHash } from 'node:crypto';

/**
 * The place of a caller in [0, 1): the same for the same key, and independent between experiments.
 * @param experiment name of the policy whose requests are split
 */
export function placeOf(experiment: string, key: string): number {
  const digest = createHash('sha256').update(`${experiment}\n${key}`).digest();
  return digest.readUIntBE(0, 6) / 2 ** 48;
}

/** @param place in [0, 1) */
export function isCanary(place: number, share: number): boolean {
  return place < share;
}
