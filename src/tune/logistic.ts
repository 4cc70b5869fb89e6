/** Logistic regression, for the models of policy/logistic. Pure. */

import { type LogisticModel, sigmoid } from '../policy/logistic.js';

/** Of standardised weights; keeps them finite where a feature separates the rows. */
const RIDGE = 1e-3;
/** More Newton steps than any fit has needed to settle. */
const STEPS = 50;
const SETTLED = 1e-9;
/** Digits of the numbers in a policy. */
const PRECISION = 6;

/**
 * Most likely weights with a small ridge, by Newton's method on standardised features; the weights that come back are for the raw ones.
 * @param rows [rows][features]
 * @param targets 0 or 1, by row
 */
export function logistic(rows: readonly (readonly number[])[], targets: readonly number[]): LogisticModel {
  const features = [...(rows[0] ?? []).keys()];
  const mean = (of: (row: readonly number[]) => number) => rows.reduce((sum, row) => sum + of(row), 0) / rows.length;
  const centres = features.map((c) => mean((row) => row[c]!));
  // A feature that (nearly) never changes says nothing.
  const spreads = features.map((c) => {
    const deviation = Math.sqrt(mean((row) => (row[c]! - centres[c]!) ** 2));
    return deviation > 1e-6 * Math.max(1, Math.abs(centres[c]!)) ? deviation : Number.POSITIVE_INFINITY;
  });
  const x = rows.map((row) => [1, ...row.map((value, c) => (value - centres[c]!) / spreads[c]!)]);
  let beta = new Array<number>(features.length + 1).fill(0);
  let loss = lossOf(x, targets, beta);
  for (let step = 0; step < STEPS; step++) {
    const direction = newtonStep(x, targets, beta);
    let length = 1;
    let next = beta;
    let nextLoss = loss;
    // A whole step may overshoot where the classes are nearly separated.
    for (; length > 1e-4; length /= 2) {
      next = beta.map((b, c) => b + length * direction[c]!);
      nextLoss = lossOf(x, targets, next);
      if (nextLoss <= loss) break;
    }
    if (!(nextLoss < loss - SETTLED)) break;
    [beta, loss] = [next, nextLoss];
  }
  const weights = beta.slice(1).map((b, c) => b / spreads[c]!);
  return { intercept: beta[0]! - weights.reduce((sum, w, c) => sum + w * centres[c]!, 0), weights };
}

/** As a policy holds it: what is judged is what will be served. */
export function rounded({ intercept, weights }: LogisticModel): LogisticModel {
  const short = (value: number) => Number(value.toPrecision(PRECISION));
  return { intercept: short(intercept), weights: weights.map(short) };
}

/** Mean of -ln(probability given to what happened), nats. @param probabilities of a 1, by row */
export function logLoss(probabilities: readonly number[], targets: readonly number[]): number {
  const sum = probabilities.reduce((total, p, i) => {
    const given = targets[i] === 1 ? p : 1 - p;
    return total - Math.log(Math.max(given, 1e-12));
  }, 0);
  return sum / probabilities.length;
}

const dot = (row: readonly number[], beta: readonly number[]) =>
  row.reduce((sum, value, c) => sum + value * beta[c]!, 0);
/** The intercept is free. */
const ridge = (c: number) => (c === 0 ? 0 : RIDGE);

function lossOf(x: readonly number[][], targets: readonly number[], beta: readonly number[]): number {
  const penalty = beta.reduce((sum, b, c) => sum + (ridge(c) * b * b) / 2, 0);
  return (
    penalty +
    logLoss(
      x.map((row) => sigmoid(dot(row, beta))),
      targets,
    )
  );
}

function newtonStep(x: readonly number[][], targets: readonly number[], beta: readonly number[]): number[] {
  const gradient = beta.map((b, c) => -ridge(c) * b);
  // A trace of curvature everywhere: without rows of both kinds the intercept has none.
  const curvature = beta.map((_, r) => beta.map((_, c) => (r === c ? ridge(c) + 1e-9 : 0)));
  for (const [i, row] of x.entries()) {
    const p = sigmoid(dot(row, beta));
    const pull = (targets[i]! - p) / x.length;
    const weight = Math.max(p * (1 - p), 1e-6) / x.length;
    for (const [r, value] of row.entries()) {
      gradient[r]! += value * pull;
      for (let c = 0; c <= r; c++) curvature[r]![c]! += weight * value * row[c]!;
    }
  }
  for (const [r, row] of curvature.entries()) for (let c = r + 1; c < row.length; c++) row[c] = curvature[c]![r]!;
  return solve(curvature, gradient);
}

/** Solves a x = b for a symmetric positive definite a, by elimination. */
function solve(a: readonly (readonly number[])[], b: readonly number[]): number[] {
  const rows = a.map((row, r) => [...row, b[r]!]);
  const n = rows.length;
  for (let p = 0; p < n; p++) {
    for (let r = p + 1; r < n; r++) {
      const factor = rows[r]![p]! / rows[p]![p]!;
      for (let c = p; c <= n; c++) rows[r]![c]! -= factor * rows[p]![c]!;
    }
  }
  const x = new Array<number>(n).fill(0);
  for (let r = n - 1; r >= 0; r--) {
    let sum = rows[r]![n]!;
    for (let c = r + 1; c < n; c++) sum -= rows[r]![c]! * x[c]!;
    x[r] = sum / rows[r]![r]!;
  }
  return x;
}
