/** Logistic models of a few features, as policies hold them: who will climb, which exit can be believed. Pure. */

export interface LogisticModel {
  readonly intercept: number;
  /** One per feature. */
  readonly weights: readonly number[];
}

/** 1 / (1 + exp(-z)) */
export function sigmoid(z: number): number {
  return 1 / (1 + Math.exp(-z));
}

/** sigmoid(intercept + weights . features) */
export function probabilityOf({ intercept, weights }: LogisticModel, features: readonly number[]): number {
  return sigmoid(features.reduce((sum, value, i) => sum + value * weights[i]!, intercept));
}
