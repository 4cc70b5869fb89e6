/** A time limit on top of an abort. `AbortSignal.any` would be one, but Firefox has it from 124 on only. */

export class TimeLimit {
  readonly #own = new AbortController();
  readonly #timer: ReturnType<typeof setTimeout>;
  readonly #outer: AbortSignal;
  readonly #onAbort = () => this.#own.abort();
  /** It was the time, not the other abort. */
  isOver = false;

  constructor(outer: AbortSignal, limitMs: number) {
    this.#outer = outer;
    this.#timer = setTimeout(() => {
      this.isOver = true;
      this.#own.abort();
    }, limitMs);
    if (outer.aborted) this.#own.abort();
    else outer.addEventListener('abort', this.#onAbort);
  }

  get signal(): AbortSignal {
    return this.#own.signal;
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#outer.removeEventListener('abort', this.#onAbort);
  }
}
