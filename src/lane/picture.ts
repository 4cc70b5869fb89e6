/** One picture, encoded or as pixels, and the pixels that were made of it so far. */

import type { Content } from '../policy/entry.js';
import { contentOf } from './content.js';
import { type DecodeLimits, Encoded, fit, type Pixels, shrink } from './decode.js';
import { type DecodeCosts, decodeSide, type Visit } from './decode-side.js';
import type { PixelSize } from './messages.js';
import { sourceOf } from './source.js';

export class Picture {
  readonly #image: Uint8Array;
  readonly #limits: DecodeLimits;
  /** Undefined where it came decoded. */
  readonly #encoded: Encoded | undefined;
  #source: PixelSize | undefined;
  /** The largest decode so far. */
  #decoded: Pixels | undefined;
  /** What was last made of it. */
  #shrunk: Pixels | undefined;

  /** @param raw size of a picture whose pixels `image` holds, [height, width, 3] */
  constructor(image: Uint8Array, limits: DecodeLimits, raw?: PixelSize) {
    this.#image = image;
    this.#limits = limits;
    this.#encoded = raw === undefined ? new Encoded(image, limits) : undefined;
    this.#source = raw;
  }

  /** No side is wanted any more. */
  free(): void {
    this.#encoded?.free();
  }

  /** The pixels, where they are there already. */
  ready(side: number): Uint8Array | undefined {
    return [this.#decoded, this.#shrunk].find((pixels) => pixels?.side === side)?.data;
  }

  /**
   * `[side, side, 3]` uint8: shrunk from a larger decode when there is one or when that pays, else decoded.
   * @param visits this side and those that the picture may need later, ascending
   * @throws RequestError as {@link Encoded.pixels}
   */
  async pixels(visits: readonly Visit[], costs: DecodeCosts): Promise<Uint8Array> {
    const { side } = visits[0]!;
    if (this.#decoded === undefined || this.#decoded.side < side) {
      const resolution = await this.#decodeSide(visits, costs);
      this.#decoded = { side: resolution, data: await this.#made(resolution) };
      if (visits.at(-1)!.side <= resolution) this.free();
    }
    const ready = this.ready(side);
    if (ready !== undefined) return ready;
    this.#shrunk = { side, data: await shrink(this.#decoded, side, this.#limits.kernel) };
    return this.#shrunk.data;
  }

  /** What it shows; to be asked after its first pixels. */
  async content(): Promise<Content> {
    const { side, data } = this.#decoded!;
    this.#source ??= (await sourceOf(this.#image)) ?? { width: side, height: side };
    return contentOf(this.#source, this.#image.length, data, side);
  }

  #made(resolution: number): Promise<Uint8Array> {
    if (this.#encoded !== undefined) return this.#encoded.pixels(resolution);
    return fit({ ...this.#source!, data: this.#image }, { ...this.#limits, resolution });
  }

  async #decodeSide(visits: readonly Visit[], costs: DecodeCosts): Promise<number> {
    if (visits.length === 1 || this.#encoded?.isDecodedOnce) return visits[0]!.side;
    this.#source ??= await sourceOf(this.#image);
    // A header that cannot be read: the decode will say why.
    if (this.#source === undefined) return visits[0]!.side;
    const { width, height } = this.#source;
    // Larger sides than the source's would be invented, then shrunk: not what the small rung was trained on.
    const shrinkable = visits.filter(({ side }, at) => at === 0 || side <= Math.min(width, height));
    return decodeSide(costs, shrinkable, width * height);
  }
}
