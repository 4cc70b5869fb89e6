/** Fits the gates of a walk: by exit, the probability that it says what the full network says (score `gate`). */

import { probabilityOf } from '../policy/logistic.js';
import { type Gate, gateInput } from '../policy/score.js';
import { logistic, logLoss, rounded } from './logistic.js';
import type { RecordedExit } from './record.js';
import { readingsOf } from './scores.js';

/**
 * On the first half of the pictures; {@link judgedGates} judges on the other. A gate has five numbers, so that thresholds can be solved
 * on both halves.
 * @param exits of the walk
 * @param agrees 1 where the exit says what the full network says, by exit, by picture
 */
export function fittedGates(exits: readonly RecordedExit[], agrees: readonly Uint8Array[]): Gate[] {
  const half = halfOf(exits);
  const inputs = inputsOf(exits, 0, half);
  return exits.map((_, exit) => {
    const targets = Array.from(agrees[exit]!.subarray(0, half));
    return rounded(logistic(inputs[exit]!, targets));
  });
}

/** How well a gate foretells agreement on pictures that it was not fitted on. */
export interface JudgedGate {
  /** Mean -ln(probability given to what happened), nats. */
  readonly logLoss: number;
  /** The same for the calibrated probability of the guess in place of the gate. */
  readonly plainLogLoss: number;
}

export function judgedGates(
  exits: readonly RecordedExit[],
  agrees: readonly Uint8Array[],
  gates: readonly Gate[],
): JudgedGate[] {
  const [half, all] = [halfOf(exits), agrees[0]!.length];
  const inputs = inputsOf(exits, half, all);
  return gates.map((gate, exit) => {
    const targets = Array.from(agrees[exit]!.subarray(half));
    return {
      logLoss: logLoss(
        inputs[exit]!.map((input) => probabilityOf(gate, input)),
        targets,
      ),
      plainLogLoss: logLoss(Array.from(exits[exit]!.probability.subarray(half)), targets),
    };
  });
}

function halfOf(exits: readonly RecordedExit[]): number {
  return Math.max(1, Math.floor((exits[0]?.guess.length ?? 0) / 2));
}

/** By exit, by picture of first..last. */
function inputsOf(exits: readonly RecordedExit[], first: number, last: number): (readonly number[])[][] {
  const inputs: (readonly number[])[][] = exits.map(() => []);
  for (let i = first; i < last; i++) {
    const readings = readingsOf(exits, i);
    for (const exit of exits.keys()) inputs[exit]!.push(gateInput(readings.slice(0, exit + 1)));
  }
  return inputs;
}
