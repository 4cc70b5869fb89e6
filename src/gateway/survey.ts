/** What is found out before the first request, in parts that the lanes share: none of them has to wait for one that does it all. */

import type { Cascade, CascadeFacts } from '../cascade/cascade.js';
import type { DecodeCosts } from '../lane/decode-side.js';
import type { Counts, Facts, Measured, Part, StageTimes } from '../lane/messages.js';

/** Of one cascade, as far as it is known. */
interface Findings {
  macs: readonly (readonly number[])[] | undefined;
  readonly rungs: (readonly StageTimes[] | undefined)[];
}

export class Survey<Lane> {
  /** The dearest first, so that the last to be done is a small one. */
  #open: Part[] = [];
  readonly #given = new Map<Lane, Part>();
  /** By the name of the cascade. */
  readonly #found = new Map<string, Findings>();
  readonly #known: Record<string, CascadeFacts> = {};
  #decode: DecodeCosts | undefined;

  /** @param known of the same files on the same machine: only the rest is measured */
  constructor(cascades: readonly Cascade[], known?: Facts) {
    const sides = [...new Set(cascades.flatMap(({ rungs }) => rungs.map(({ resolution }) => resolution)))];
    if (known !== undefined && sides.every((side) => known.decode.ms[side] !== undefined)) this.#decode = known.decode;
    else this.#open.push({ sides });
    const fresh = cascades.filter(({ name }) => known?.cascades[name] === undefined);
    for (const { name } of cascades) {
      const facts = known?.cascades[name];
      if (facts !== undefined) this.#known[name] = facts;
    }
    for (const { name, rungs } of fresh) {
      this.#found.set(name, { macs: undefined, rungs: rungs.map(() => undefined) });
    }
    const times = fresh.flatMap(({ name, rungs }) =>
      rungs.map(({ resolution }, rung) => ({ resolution, part: { cascade: name, rung } })),
    );
    times.sort((a, b) => b.resolution - a.resolution);
    this.#open.push(...times.map(({ part }) => part));
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
    if ('decode' in measured) {
      this.#decode = measured.decode;
    } else {
      // None: it was found to be broken meanwhile.
      const rungs = this.#found.get(measured.cascade)?.rungs;
      if (rungs !== undefined) rungs[measured.rung] = measured.stages;
    }
  }

  /** What the lane that counts has found. */
  counted(counts: Counts): void {
    for (const [name, macs] of Object.entries(counts)) {
      const found = this.#found.get(name);
      if (found !== undefined) found.macs = macs;
    }
  }

  /** It is not served: whatever is measured of it is in vain. */
  leaveOut(cascade: string): void {
    this.#found.delete(cascade);
    this.#open = this.#open.filter((part) => !('cascade' in part) || part.cascade !== cascade);
  }

  /** The lane died: another one gets its part. */
  lost(lane: Lane): void {
    const part = this.#given.get(lane);
    this.#given.delete(lane);
    if (part !== undefined) this.#open.unshift(part);
  }

  /** Undefined until all parts are done and counted. */
  get facts(): Facts | undefined {
    if (this.#decode === undefined || this.#open.length + this.#given.size > 0) return undefined;
    if ([...this.#found.values()].some(({ macs }) => macs === undefined)) return undefined;
    const found = [...this.#found].map(([name, { macs, rungs }]) => [
      name,
      rungs.map((stages, rung) => stages!.map((times, stage) => ({ macs: macs![rung]![stage]!, ...times }))),
    ]);
    return { cascades: { ...this.#known, ...Object.fromEntries(found) }, decode: this.#decode };
  }
}
