/** Minimum cut of a small network by shortest augmenting paths (Edmonds and Karp, JACM 19, 1972). */

interface Edge {
  readonly to: number;
  left: number;
  readonly back: number;
}

/** The nodes on the source's side of the cheapest cut, or a path that no finite cut breaks. */
export type Cut = { readonly side: ReadonlySet<number> } | { readonly unbreakable: readonly number[] };

/** A directed network; nodes are any integers >= 0, capacities >= 0 or Infinity. */
export class FlowNetwork {
  readonly #edges: Edge[][] = [];

  /** Adds an edge whose cutting costs `capacity`. */
  connect(from: number, to: number, capacity: number): void {
    const forth = this.#from(from);
    const back = this.#from(to);
    forth.push({ to, left: capacity, back: back.length });
    back.push({ to: from, left: 0, back: forth.length - 1 });
  }

  /** Cuts `source` from `sink`; the smallest source's side among equally cheap cuts. Uses the network up. */
  cut(source: number, sink: number): Cut {
    for (;;) {
      const cameBy = this.#search(source, sink);
      if (!cameBy.has(sink)) return { side: new Set([source, ...cameBy.keys()]) };
      const path: { from: number; edge: Edge }[] = [];
      for (let at = sink; at !== source; ) {
        const step = cameBy.get(at)!;
        path.unshift(step);
        at = step.from;
      }
      const flow = Math.min(...path.map(({ edge }) => edge.left));
      if (flow === Infinity) return { unbreakable: [source, ...path.map(({ edge }) => edge.to)] };
      for (const { edge } of path) {
        edge.left -= flow;
        this.#edges[edge.to]![edge.back]!.left += flow;
      }
    }
  }

  /** Breadth first over edges with capacity left, until the sink is met. */
  #search(source: number, sink: number): Map<number, { from: number; edge: Edge }> {
    const cameBy = new Map<number, { from: number; edge: Edge }>();
    const queue = [source];
    for (let from = queue.shift(); from !== undefined && !cameBy.has(sink); from = queue.shift()) {
      for (const edge of this.#from(from)) {
        if (edge.left <= 0 || edge.to === source || cameBy.has(edge.to)) continue;
        cameBy.set(edge.to, { from, edge });
        queue.push(edge.to);
      }
    }
    return cameBy;
  }

  #from(node: number): Edge[] {
    this.#edges[node] ??= [];
    return this.#edges[node];
  }
}
