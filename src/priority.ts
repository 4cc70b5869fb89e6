/** The two classes of requests, and whose turn it is where both wait. Pure. */

/** `interactive`: somebody waits for it; `batch`: it may take longer, and is refused first. */
export const PRIORITIES = ['interactive', 'batch'] as const;
export type Priority = (typeof PRIORITIES)[number];
/** Of who says nothing. */
export const USUAL_PRIORITY = 'interactive' satisfies Priority;

/** Share of places, bytes and waiting that `batch` may use, unless told otherwise: the other half is always there for those who wait. */
export const BATCH_SHARE = 0.5;

/** While both classes wait, one turn of so many is batch's: it waits long, but not for ever. */
export const BATCH_TURN = 10;

export class Turns {
  readonly #every: number;
  /** Turns of `interactive` since batch began to wait, or had its last one. */
  #passed = 0;

  /** @param every one turn of so many is batch's */
  constructor(every = BATCH_TURN) {
    this.#every = every;
  }

  /** The class that goes first now; whether one of it waits is the caller's to see. */
  get first(): Priority {
    return this.#passed >= this.#every - 1 ? 'batch' : 'interactive';
  }

  /** @param batchWaits while `interactive` had its turn */
  took(priority: Priority, batchWaits: boolean): void {
    this.#passed = priority === 'interactive' && batchWaits ? this.#passed + 1 : 0;
  }
}
