/** What the gateway answers, as far as the console reads it. */

import type { PolicyFile } from '../policy/schema.js';

export interface Place {
  readonly backbone: string;
  readonly width: number;
  readonly resolution: number;
  readonly exit: number;
}

export interface Step extends Place {
  readonly score: number;
  readonly threshold: number | null;
}

export interface Prediction {
  readonly index: number;
  readonly label: string;
  readonly probability: number;
}

/** POST /v1/classify with explain=true. */
export interface Answer {
  readonly id: string;
  readonly cascade: string;
  readonly policy: string;
  readonly predictions: readonly Prediction[];
  readonly route: Place & {
    readonly score: number;
    readonly reason: 'confident' | 'final' | 'deadline' | 'budget';
    readonly point?: string;
    readonly policy_version: string;
    readonly steps: readonly Step[];
  };
  readonly cost: {
    readonly macs: number;
    readonly full_macs: number;
    readonly ratio: number;
    readonly queue_ms: number;
    readonly decode_ms: number;
    readonly inference_ms: number;
    readonly total_ms: number;
  };
}

export interface Rung {
  readonly id: string;
  readonly backbone: string;
  readonly width: number;
  readonly resolution: number;
  /** `macs` of one picture from the start of the rung to here. */
  readonly exits: readonly { readonly exit: number; readonly macs: number }[];
}

/** Of GET /v1/cascades. */
export interface Cascade {
  readonly name: string;
  readonly default: boolean;
  readonly description: string;
  readonly classes: number;
  readonly full_macs: number;
  readonly policies: readonly string[];
  readonly rungs: readonly Rung[];
}

/** GET /v1/policies/NAME, what its file says apart. */
export interface Policy {
  readonly name: string;
  readonly default: boolean;
  readonly version: string;
  /** The operating point that serves now, by cascade; of policies that have several, or audits. `full`: audits left none. */
  readonly serving: Readonly<Record<string, string>>;
  readonly content: PolicyFile;
}

export interface Catalogue {
  readonly cascades: readonly Cascade[];
  readonly policies: readonly Policy[];
  /** Of the models, by cascade; of those that the figures told of before the catalogue was asked for. */
  readonly versions: Readonly<Record<string, string>>;
  /** Why the last change on disk was refused; empty where it was not. */
  readonly refused: readonly { readonly file: string; readonly key: string; readonly reason: string }[];
}
