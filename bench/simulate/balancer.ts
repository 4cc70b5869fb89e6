/** Which gateway a load balancer sends a request to. */

import type { Random } from './random.js';

export const BALANCERS = ['random', 'round robin', 'two choices', 'least outstanding'] as const;
export type Balancer = (typeof BALANCERS)[number];

/** @param outstanding requests without an answer, by gateway, looked at for each request @returns index of the gateway */
export function balance(balancer: Balancer, random: Random): (outstanding: readonly number[]) => number {
  let turn = 0;
  switch (balancer) {
    case 'random':
      return ({ length }) => random.below(length);
    case 'round robin':
      return ({ length }) => turn++ % length;
    case 'two choices':
      return (outstanding) => {
        if (outstanding.length === 1) return 0;
        const one = random.below(outstanding.length);
        const other = (one + 1 + random.below(outstanding.length - 1)) % outstanding.length;
        return outstanding[other]! < outstanding[one]! ? other : one;
      };
    case 'least outstanding':
      return (outstanding) => {
        // Of equals any: always the first would be sent all that comes while nothing is going on.
        const least = Math.min(...outstanding);
        const equals = outstanding.flatMap((each, at) => (each === least ? [at] : []));
        return equals[random.below(equals.length)]!;
      };
  }
}
