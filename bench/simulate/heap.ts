/** A binary heap: what has the least key comes out first, of equal keys what went in first. */

interface Item<T> {
  readonly key: number;
  readonly serial: number;
  readonly value: T;
}

export class Heap<T> {
  readonly #items: Item<T>[] = [];
  #serial = 0;

  get size(): number {
    return this.#items.length;
  }

  /** Key of what comes out next; Infinity when there is nothing. */
  get leastKey(): number {
    return this.#items[0]?.key ?? Number.POSITIVE_INFINITY;
  }

  push(key: number, value: T): void {
    const items = this.#items;
    const item = { key, serial: this.#serial++, value };
    let at = items.length;
    while (at > 0) {
      const above = (at - 1) >> 1;
      if (!isBefore(item, items[above]!)) break;
      items[at] = items[above]!;
      at = above;
    }
    items[at] = item;
  }

  pop(): T | undefined {
    const items = this.#items;
    const first = items[0];
    const last = items.pop();
    if (first === undefined || last === undefined || items.length === 0) return first?.value;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= items.length) break;
      if (child + 1 < items.length && isBefore(items[child + 1]!, items[child]!)) child++;
      if (!isBefore(items[child]!, last)) break;
      items[at] = items[child]!;
      at = child;
    }
    items[at] = last;
    return first.value;
  }
}

function isBefore<T>(a: Item<T>, b: Item<T>): boolean {
  return a.key < b.key || (a.key === b.key && a.serial < b.serial);
}
