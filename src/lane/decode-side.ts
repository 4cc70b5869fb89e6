/** How large to decode a picture that may climb to larger rungs: once and large, or small first and again if it climbs. Pure. */

import type { Plan } from '../policy/plan.js';

/** What a decode costs on this machine, measured when the first lane warms up (lane/decode-costs). */
export interface DecodeCosts {
  /** Pixels of the sources that were measured, ascending. */
  readonly sources: readonly number[];
  /** Milliseconds of a decode to each side, one per source; sides between the least and the largest on a line. */
  readonly ms: Readonly<Record<number, readonly number[]>>;
  /** Milliseconds of shrinking pixels that are already decoded. */
  readonly shrinkMs: number;
}

/** A side that a route visits, and the share of pictures that get there. */
export interface Visit {
  readonly side: number;
  readonly reach: number;
}

/**
 * For each leg of a plan: its side, then the larger ones that follow, with the share of its pictures that get there.
 * @param sides by rung
 */
export function visitsOf(plan: Plan, sides: readonly number[]): readonly (readonly Visit[])[] {
  return plan.legs.map((leg, index) => {
    const visits: Visit[] = [{ side: sides[leg.rung]!, reach: 1 }];
    for (const later of plan.legs.slice(index + 1)) {
      const side = sides[later.rung]!;
      const reach = leg.reach > 0 ? Math.min(1, later.reach / leg.reach) : 0;
      if (side > visits.at(-1)!.side) visits.push({ side, reach });
    }
    return visits;
  });
}

/** Milliseconds of a decode: linear between the measured sources and beyond them. */
export function decodeMs(costs: DecodeCosts, side: number, sourcePixels: number): number {
  const ms = costs.ms[side]!;
  const { sources } = costs;
  if (sources.length === 1) return ms[0]!;
  const above = sources.findIndex((pixels) => pixels >= sourcePixels);
  const to = above < 0 ? sources.length - 1 : Math.max(1, above);
  const share = (sourcePixels - sources[to - 1]!) / (sources[to]! - sources[to - 1]!);
  return Math.max(0, ms[to - 1]! + share * (ms[to]! - ms[to - 1]!));
}

/**
 * The side to decode now, so that the expected time of all decodes to come is least: sides up to it are made by shrinking, sides
 * beyond it by another decode.
 * @param visits the side that is needed now (reach 1), and those that may follow, ascending
 */
export function decodeSide(costs: DecodeCosts, visits: readonly Visit[], sourcePixels: number): number {
  let best = { side: visits[0]!.side, ms: Number.POSITIVE_INFINITY };
  for (const [at, { side }] of visits.entries()) {
    const ms = visits.reduce(
      (sum, visit, i) => {
        if (i < at) return sum + visit.reach * costs.shrinkMs;
        return i === at ? sum : sum + visit.reach * decodeMs(costs, visit.side, sourcePixels);
      },
      decodeMs(costs, side, sourcePixels),
    );
    if (ms < best.ms) best = { side, ms };
  }
  return best.side;
}
