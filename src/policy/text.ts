/** How a policy is laid out as YAML. */

import { type Document, isMap, type Node, visit } from 'yaml';

const SHORT = ['thresholds', 'colour', 'macs', 'risk'];

/** One line a rung, one line what was expected of a point. */
export function oneLineARung(node: Node | Document): void {
  visit(node, {
    Map: (_, map) => {
      if (isMap(map) && SHORT.some((key) => map.has(key))) map.flow = true;
    },
  });
}
