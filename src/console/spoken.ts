/** An answer as one says it, for who does not see the page. Pure. */

import type { Answer } from './api-types.js';
import { percent, rungName } from './units.js';

export function spoken({ predictions, route, cost, policy }: Answer): string {
  const best = predictions[0]!;
  const saved = 1 - cost.ratio;
  const cost_ = saved >= 0 ? `${percent(saved, 0)} saved` : `${percent(-saved, 0)} more than the full network`;
  return `${best.label}, ${percent(best.probability)}. Policy ${policy} left at exit ${route.exit} of ${rungName(route)}: ${cost_}.`;
}
