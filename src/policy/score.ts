/** From logits to calibrated probabilities, and to the score that an exit rule compares with its threshold. Higher is surer. Pure. */

import { type LogisticModel, probabilityOf } from './logistic.js';

/** What one exit says of a picture, in numbers that need no labels. */
export interface Reading {
  /** Most probable class. */
  readonly guess: number;
  /** Its probability, p1. */
  readonly probability: number;
  /** p1 - p2: how far the second class is behind. */
  readonly margin: number;
  /** -sum p ln p / ln(classes): 0 for a sure exit, 1 where all classes are alike. */
  readonly entropy: number;
}

/** A logistic model, its weights in the order of {@link GATE}: the probability that an exit says what the full network would say. */
export type Gate = LogisticModel;

/** What a gate goes by; `agreement` is the share of earlier exits of the walk with the same guess, 0 where there are none. */
export const GATE = ['probability', 'margin', 'entropy', 'agreement'] as const;

export const SCORES = ['max_probability', 'margin', 'entropy', 'patience', 'gate'] as const;
export type ScoreKind = (typeof SCORES)[number];

/**
 * Softmax of logits / temperature (arXiv 1706.04599).
 * @param logits one row, [classes]
 */
export function probabilities(logits: Float32Array, temperature: number): Float32Array {
  let highest = Number.NEGATIVE_INFINITY;
  for (const z of logits) if (z > highest) highest = z;
  const out = new Float32Array(logits.length);
  let sum = 0;
  for (let i = 0; i < logits.length; i++) {
    const e = Math.exp((logits[i]! - highest) / temperature);
    out[i] = e;
    sum += e;
  }
  for (let i = 0; i < out.length; i++) out[i]! /= sum;
  return out;
}

/** @param p [classes], adding up to 1 */
export function readingOf(p: Float32Array): Reading {
  let [guess, first, second, nats] = [0, 0, 0, 0];
  for (let i = 0; i < p.length; i++) {
    const value = p[i]!;
    if (value > first) {
      second = first;
      first = value;
      guess = i;
    } else if (value > second) second = value;
    if (value > 0) nats -= value * Math.log(value);
  }
  return { guess, probability: first, margin: first - second, entropy: Math.max(0, nats) / Math.log(p.length) };
}

/**
 * The score of the last of `readings`.
 * - max_probability: p1 (Hendrycks and Gimpel, arXiv 1610.02136)
 * - margin: p1 - p2
 * - entropy: 1 - entropy (BranchyNet, arXiv 1709.01686)
 * - patience: how many exits in a row, this one included, say the same (PABEE, arXiv 2006.04152)
 * - gate: the fitted probability of agreeing with the full network
 * @param readings of the exits passed, this one last
 * @param gate of this exit; an exit without one scores 0
 */
export function scoreOf(kind: ScoreKind, readings: readonly Reading[], gate?: Gate): number {
  const here = readings.at(-1)!;
  switch (kind) {
    case 'max_probability':
      return here.probability;
    case 'margin':
      return here.margin;
    case 'entropy':
      return 1 - here.entropy;
    case 'patience':
      return readings.length - 1 - readings.findLastIndex(({ guess }) => guess !== here.guess);
    case 'gate':
      return gate === undefined ? 0 : probabilityOf(gate, gateInput(readings));
  }
}

/** In the order of {@link GATE}. */
export function gateInput(readings: readonly Reading[]): readonly number[] {
  const { guess, probability, margin, entropy } = readings.at(-1)!;
  const earlier = readings.length - 1;
  let same = 0;
  for (let i = 0; i < earlier; i++) if (readings[i]!.guess === guess) same++;
  return [probability, margin, entropy, earlier === 0 ? 0 : same / earlier];
}

/** Adds the next exit to the mean of those before it. @param before mean of `count` rows */
export function meanWith(before: Float32Array, count: number, p: Float32Array): Float32Array {
  return p.map((value, i) => (before[i]! * count + value) / (count + 1));
}

/** A class that an exit holds to be less probable than this is not ruled out by it alone. */
export const LEAST_SAID = 1e-7;

/**
 * What an exit says together with one of a rung before it: the logarithms of their probabilities, weighed (a log-linear pool, as in cascades
 * of ensembles, arXiv 2012.01988).
 * @param before [classes], adding up to 1
 * @param p of the exit itself, likewise
 * @param share of `before`, 0 to 1
 * @returns [classes], adding up to 1
 */
export function pooled(before: Float32Array, p: Float32Array, share: number): Float32Array {
  const log = (value: number) => Math.log(Math.max(value, LEAST_SAID));
  return probabilities(
    p.map((value, i) => share * log(before[i]!) + (1 - share) * log(value)),
    1,
  );
}

/** The `count` most probable classes, most probable first; ties by index. */
export function topClasses(p: Float32Array, count: number): { index: number; probability: number }[] {
  return Array.from(p, (probability, index) => ({ index, probability }))
    .sort((a, b) => b.probability - a.probability || a.index - b.index)
    .slice(0, count);
}
