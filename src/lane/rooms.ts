/** Memory for decoded pictures, used again and again: as garbage it would stay until the next collection. */

export class Rooms {
  readonly #plenty: number;
  /** By size: powers of two, so that a picture finds one that others left. */
  readonly #empty = new Map<number, Buffer[]>();
  #takenBytes = 0;
  #emptyBytes = 0;

  /** @param plenty bytes that may be taken for long, and as many that may stay empty */
  constructor(plenty: number) {
    this.#plenty = plenty;
  }

  /** Whether whoever has one should give it back at once. */
  get areScarce(): boolean {
    return this.#takenBytes > this.#plenty;
  }

  /** One of at least so many bytes; what was in it before is still there. */
  take(bytes: number): Buffer {
    const size = 2 ** Math.ceil(Math.log2(bytes));
    this.#takenBytes += size;
    const room = this.#empty.get(size)?.pop();
    if (room === undefined) return Buffer.allocUnsafeSlow(size);
    this.#emptyBytes -= size;
    return room;
  }

  give(room: Buffer): void {
    this.#takenBytes -= room.length;
    if (this.#emptyBytes + room.length > this.#plenty) return;
    this.#emptyBytes += room.length;
    const alike = this.#empty.get(room.length);
    if (alike === undefined) this.#empty.set(room.length, [room]);
    else alike.push(room);
  }
}
