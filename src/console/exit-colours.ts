/** Which exits a chart shows, cheap to dear, and in which colours: one hue a rung, deeper exits darker. Pure. */

import type { Cascade } from './api-types.js';
import { exitKey } from './traffic.js';
import { rungName } from './units.js';

export interface ExitColour {
  readonly key: string;
  readonly name: string;
  readonly colour: string;
}

/** @param keys exits that have answered */
export function exitColours({ rungs }: Cascade, keys: ReadonlySet<string>): readonly ExitColour[] {
  const used = rungs
    .map((rung) => ({ rung, exits: rung.exits.filter(({ exit }) => keys.has(exitKey({ ...rung, exit }))) }))
    .filter(({ exits }) => exits.length > 0);
  return used.flatMap(({ rung, exits }, at) => {
    // From the blue of shallow water to the orange of the gates.
    const hue = used.length === 1 ? 196 : 196 + (at / (used.length - 1)) * 188;
    return exits.map(({ exit }) => ({
      key: exitKey({ ...rung, exit }),
      name: `${rungName(rung)}, exit ${exit}`,
      colour: `hsl(${Math.round(hue % 360)} 60% ${Math.round(76 - (38 * (exit - 1)) / Math.max(1, rung.exits.length - 1))}%)`,
    }));
  });
}
