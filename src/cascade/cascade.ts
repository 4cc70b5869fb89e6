/** A cascade as the rest of the code sees it: the manifest, resolved against its files and checked. */

import type { Manifest } from './manifest.js';

export interface Label {
  readonly name: string;
  readonly wnid?: string;
}

/** Stage k takes the image or features of earlier stages and gives logits k and features for later stages. */
export interface Stage {
  /** Absolute path of the ONNX file: what errors name. */
  readonly file: string;
  /** Where lanes read its bytes: a copy that no deploy changes or removes; undefined: `file` itself. */
  readonly copy?: string;
  readonly inputs: readonly string[];
  readonly features: readonly string[];
  readonly logits: string;
  /** Logits are divided by it before the softmax (temperature scaling, arXiv 1706.04599). */
  readonly temperature: number;
}

/** One thing that can be entered: (backbone, width, resolution). */
export interface Rung {
  /** `backbone/width@resolution`, for example `slimnet/0.5@24`. */
  readonly id: string;
  readonly backbone: string;
  readonly width: number;
  /** Side of the square input, pixels. */
  readonly resolution: number;
  readonly stages: readonly Stage[];
  /** Measured top-1 per exit, for people. */
  readonly accuracy?: readonly number[];
}

/** The servable unit: a label space and its rungs, cheap to dear. */
export interface Cascade {
  readonly name: string;
  /** Path of cascade.yaml, for error messages. */
  readonly file: string;
  readonly description: string;
  /** Answers requests that name no cascade. */
  readonly isDefault: boolean;
  readonly labels: readonly Label[];
  readonly input: Manifest['input'];
  readonly rungs: readonly Rung[];
}

/** What a lane found out about one stage by running it. */
export interface StageFacts {
  /** Multiply-accumulates of one picture, counted from the graph. */
  readonly macs: number;
  /** Batch size with the best throughput on this machine. */
  readonly batch: number;
  /** Expected milliseconds of a run on one picture. */
  readonly ms: number;
}

/** Facts by rung and stage, in the order of {@link Cascade.rungs}. */
export type CascadeFacts = readonly (readonly StageFacts[])[];

/** MACs of the static choice: the last rung to its last exit. */
export function fullMacs(facts: CascadeFacts): number {
  return (facts.at(-1) ?? []).reduce((sum, stage) => sum + stage.macs, 0);
}

export function rungId(rung: { backbone: string; width: number; resolution: number }): string {
  return `${rung.backbone}/${rung.width}@${rung.resolution}`;
}
