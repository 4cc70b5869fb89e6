/** What is measured before the first request, in parts that the lanes share: none of them has to wait for one that does it all. */

import type { Cascade, CascadeFacts } from '../cascade/cascade.js';
import type { DecodeCosts } from '../lane/decode-side.js';
import type { Facts, Measured, Part } from '../lane/messages.js';

export class Survey<Lane> {
  /** The dearest first, so that the last to be done is a small one. */
  readonly #open: Part[] = [];
  readonly #given = new Map<Lane, Part>();
  readonly #cascades: Record<string, CascadeFacts> = {};
  #decode: DecodeCosts | undefined;

  /** @param known of the same files on the same machine: only the rest is measured */
  constructor(cascades: readonly Cascade[], known?: Facts) {
    for (const cascade of [...cascades].sort((a, b) => pixels(b) - pixels(a))) {
      const facts = known?.cascades[cascade.name];
      if (facts === undefined) this.#open.push({ cascade: cascade.name });
      else this.#cascades[cascade.name] = facts;
    }
    const sides = [...new Set(cascades.flatMap(({ rungs }) => rungs.map(({ resolution }) => resolution)))];
    if (known !== undefined && sides.every((side) => known.decode.ms[side] !== undefined)) this.#decode = known.decode;
    else this.#open.push({ sides });
  }

  /** A part for a lane that has none; undefined when all are done or given away. */
  next(lane: Lane): Part | undefined {
    if (this.#given.has(lane)) return undefined;
    const part = this.#open.shift();
    if (part !== undefined) this.#given.set(lane, part);
    return part;
  }

  done(lane: Lane, measured: Measured): void {
    this.#given.delete(lane);
    if ('decode' in measured) this.#decode = measured.decode;
    else this.#cascades[measured.cascade] = measured.facts;
  }

  /** The lane died: another one gets its part. */
  lost(lane: Lane): void {
    const part = this.#given.get(lane);
    this.#given.delete(lane);
    if (part !== undefined) this.#open.unshift(part);
  }

  /** Undefined until all parts are done. */
  get facts(): Facts | undefined {
    if (this.#decode === undefined || this.#open.length + this.#given.size > 0) return undefined;
    return { cascades: this.#cascades, decode: this.#decode };
  }
}

/** Of all stages: about as dear as their measuring. */
function pixels({ rungs }: Cascade): number {
  return rungs.reduce((sum, { resolution, stages }) => sum + stages.length * resolution ** 2, 0);
}
