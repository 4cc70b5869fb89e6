/** Collects a body of unknown length: memory grows with the bytes, not with the number of pieces that they come in. */
export class ByteSink {
  readonly #maxBytes: number;
  #held: Buffer = Buffer.alloc(0);
  #size = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** @returns false when the piece does not fit any more: then it is not taken */
  push(piece: Buffer): boolean {
    const size = this.#size + piece.length;
    if (size > this.#maxBytes) return false;
    if (this.#size === 0) this.#held = piece;
    else {
      if (size > this.#held.length) this.#grow(size);
      piece.copy(this.#held, this.#size);
    }
    this.#size = size;
    return true;
  }

  /** All bytes so far. */
  bytes(): Buffer {
    return this.#held.subarray(0, this.#size);
  }

  #grow(size: number): void {
    const larger = Buffer.allocUnsafe(Math.min(this.#maxBytes, Math.max(size, 2 * this.#held.length, 65_536)));
    this.#held.copy(larger, 0, 0, this.#size);
    this.#held = larger;
  }
}
