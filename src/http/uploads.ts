/** Bodies on their way, whose bytes nobody has counted yet: together they hold no more than is set. The oldest makes room. */

import { RequestError } from '../errors.js';
import { ByteSink } from './byte-sink.js';

export interface UploadLimits {
  /** Of one body, unpacked. */
  readonly maxBytes: number;
  /** Of all together; by default without a limit. */
  readonly totalBytes?: number | undefined;
}

export class Uploads {
  /** Of one body, unpacked. */
  readonly maxBytes: number;
  readonly #totalBytes: number;
  /** Oldest first: who sends as others do is done long before it is the oldest. */
  readonly #open = new Set<Upload>();
  #held = 0;

  constructor({ maxBytes, totalBytes = Number.POSITIVE_INFINITY }: UploadLimits) {
    this.maxBytes = maxBytes;
    this.#totalBytes = totalBytes;
  }

  /** Memory that all bodies take, bytes. */
  get held(): number {
    return this.#held;
  }

  /**
   * @param announced length of the body, bytes; 0 where the sender has not told it
   * @param cut told once, when this one has to make room: it takes nothing any more, and its memory is to be let go of
   * @param maxBytes of this one
   */
  begin(cut: (reason: RequestError) => void, announced = 0, maxBytes = this.maxBytes): Upload {
    const upload = new Upload(new ByteSink(maxBytes, announced), cut, {
      grew: (bytes) => this.#grew(bytes),
      ended: () => this.#open.delete(upload),
    });
    this.#open.add(upload);
    return upload;
  }

  #grew(bytes: number): void {
    this.#held += bytes;
    for (const oldest of this.#open) {
      if (this.#held <= this.#totalBytes) return;
      oldest.makeRoom();
    }
  }
}

interface UploadEvents {
  grew(bytes: number): void;
  ended(): void;
}

/** One body. Its bytes count until it is disposed of. */
export class Upload implements Disposable {
  #sink: ByteSink | undefined;
  readonly #cut: (reason: RequestError) => void;
  readonly #events: UploadEvents;

  constructor(sink: ByteSink, cut: (reason: RequestError) => void, events: UploadEvents) {
    this.#sink = sink;
    this.#cut = cut;
    this.#events = events;
  }

  /** @returns false when the piece does not fit any more: then it is not taken */
  push(piece: Buffer): boolean {
    const sink = this.#sink;
    if (sink === undefined) return true;
    const before = sink.capacity;
    const taken = sink.push(piece);
    if (sink.capacity !== before) this.#events.grew(sink.capacity - before);
    return taken;
  }

  /** All bytes so far. */
  bytes(): Buffer {
    return this.#sink?.bytes() ?? Buffer.alloc(0);
  }

  makeRoom(): void {
    this[Symbol.dispose]();
    this.#cut(new RequestError('overloaded', 'too many bytes are on their way here, and these came the slowest', 1));
  }

  [Symbol.dispose](): void {
    if (this.#sink === undefined) return;
    const { capacity } = this.#sink;
    this.#sink = undefined;
    this.#events.ended();
    this.#events.grew(-capacity);
  }
}
