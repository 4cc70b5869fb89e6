/** Memory for decoded pictures, used again and again: as garbage it would stay until the next collection. */

export interface RoomLimits {
  /** Bytes that may be taken for long. */
  readonly kept: number;
  /** And as many more, taken for a moment or empty. */
  readonly spare: number;
}

export class Rooms {
  readonly #limits: RoomLimits;
  /** The one that was used longest ago first. */
  readonly #empty: Buffer[] = [];
  #takenBytes = 0;
  #emptyBytes = 0;

  constructor(limits: RoomLimits) {
    this.#limits = limits;
  }

  /** Of all that were not given back. */
  get takenBytes(): number {
    return this.#takenBytes;
  }

  /** Whether whoever has one should give it back at once. */
  get areScarce(): boolean {
    return this.#takenBytes > this.#limits.kept;
  }

  /** One of at least so many bytes; what was in it before is still there. */
  take(bytes: number): Buffer {
    // Powers of two: a picture finds one that another left.
    const size = 2 ** Math.ceil(Math.log2(bytes));
    this.#takenBytes += size;
    const at = this.#empty.findLastIndex((room) => room.length === size);
    if (at < 0) return Buffer.allocUnsafeSlow(size);
    this.#emptyBytes -= size;
    return this.#empty.splice(at, 1)[0]!;
  }

  give(room: Buffer): void {
    this.#takenBytes -= room.length;
    this.#emptyBytes += room.length;
    this.#empty.push(room);
    const most = this.#limits.kept + this.#limits.spare;
    while (this.#takenBytes + this.#emptyBytes > most && this.#empty.length > 0)
      this.#emptyBytes -= this.#empty.shift()!.length;
  }
}
