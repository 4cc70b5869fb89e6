/** Collects a body: memory grows with the bytes, not with the number of pieces that they come in, nor with what was announced. */

/** An announced length is believed once an eighth of it is there. */
const BELIEVED = 8;

export class ByteSink {
  readonly #maxBytes: number;
  readonly #announced: number;
  #held: Buffer = Buffer.alloc(0);
  #size = 0;

  /** @param announced length of the body, bytes; 0 where the sender has not told it */
  constructor(maxBytes: number, announced = 0) {
    this.#maxBytes = maxBytes;
    this.#announced = announced;
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

  /** Memory that it takes, bytes. */
  get capacity(): number {
    return this.#held.length;
  }

  /** All bytes so far. */
  bytes(): Buffer {
    return this.#held.subarray(0, this.#size);
  }

  #grow(size: number): void {
    const room = Math.min(this.#maxBytes, Math.max(size, 2 * this.#held.length, 65_536));
    // Exactly enough: what is too much is garbage that counts as soon as it is made.
    const believed = this.#announced >= size && this.#announced <= BELIEVED * size;
    const larger = Buffer.allocUnsafe(believed ? this.#announced : room);
    this.#held.copy(larger, 0, 0, this.#size);
    this.#held = larger;
  }
}
