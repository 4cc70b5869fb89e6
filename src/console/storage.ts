/** What the page remembers for the person: in the browser's storage, and in memory where site data is blocked. */

/** A `Storage`, as far as it is used here. */
export interface Shelf {
  getItem(name: string): string | null;
  setItem(name: string, value: string): void;
  removeItem(name: string): void;
}

export class Kept {
  readonly #shelf: () => Shelf;
  readonly #memory = new Map<string, string>();

  /** @param shelf asked each time: where site data is blocked, the browser throws at the mere name of it */
  constructor(shelf: () => Shelf) {
    this.#shelf = shelf;
  }

  /** Empty: nothing is kept under that name. */
  get(name: string): string {
    const held = this.#memory.get(name);
    if (held !== undefined) return held;
    return this.#trying((shelf) => shelf.getItem(name)) ?? '';
  }

  /** @param value empty: forgets it */
  set(name: string, value: string): void {
    this.#memory.set(name, value);
    this.#trying((shelf) => (value === '' ? shelf.removeItem(name) : shelf.setItem(name, value)));
  }

  #trying<T>(use: (shelf: Shelf) => T): T | undefined {
    try {
      return use(this.#shelf());
    } catch {
      return undefined;
    }
  }
}
