/** The scores of recorded exits, as a lane that walks them would compute them. */

import { type Gate, type Reading, type ScoreKind, scoreOf } from '../policy/score.js';
import type { RecordedExit } from './record.js';

/** What the exits said of one picture, in the order in which it passes them. */
export function readingsOf(exits: readonly RecordedExit[], picture: number): Reading[] {
  return exits.map(({ guess, probability, margin, entropy }) => ({
    guess: guess[picture]!,
    probability: probability[picture]!,
    margin: margin[picture]!,
    entropy: entropy[picture]!,
  }));
}

/**
 * By exit, by picture.
 * @param exits of a walk: patience and gates go by the exits before, too
 * @param gates with score `gate`: by exit
 */
export function scoresOf(exits: readonly RecordedExit[], kind: ScoreKind, gates?: readonly Gate[]): Float64Array[] {
  if (kind === 'max_probability') return exits.map(({ probability }) => probability);
  const pictures = exits[0]?.guess.length ?? 0;
  const scores = exits.map(() => new Float64Array(pictures));
  for (let i = 0; i < pictures; i++) {
    const readings = readingsOf(exits, i);
    for (const exit of exits.keys()) scores[exit]![i] = scoreOf(kind, readings.slice(0, exit + 1), gates?.[exit]);
  }
  return scores;
}

/** The least threshold that lets everybody leave: a policy's patience counts from 1. */
export function lowest(kind: ScoreKind): number {
  return kind === 'patience' ? 1 : 0;
}
