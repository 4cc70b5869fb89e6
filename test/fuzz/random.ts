/** Chance for mutations: the same seed gives the same inputs, on every machine. */

import { Random as Numbers } from '../../bench/simulate/random.js';

export class Random extends Numbers {
  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)]!;
  }

  /** True with this probability. */
  chance(share: number): boolean {
    return this.next() < share;
  }

  bytes(count: number): Buffer {
    return Buffer.from(Array.from({ length: count }, () => this.below(256)));
  }
}
