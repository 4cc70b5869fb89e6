/** One picture, encoded or as pixels, and the pixels that were made of it so far. */

import type { Content } from '../policy/entry.js';
import { contentOf } from './content.js';
import { type DecodeTarget, decode, fit, type Pixels, shrink } from './decode.js';
import { type DecodeCosts, decodeSide, type Visit } from './decode-side.js';
import type { Source } from './jpeg-header.js';
import { sourceOf } from './source.js';

export class Picture {
  readonly #image: Uint8Array;
  /** It came decoded. */
  readonly #raw: Source | undefined;
  readonly #kernel: DecodeTarget['kernel'];
  readonly #maxPixels: number;
  #source: Source | undefined;
  /** The largest decode so far. */
  #decoded: Pixels | undefined;
  /** What was last made of it. */
  #shrunk: Pixels | undefined;

  /**
   * @param maxPixels width x height of the largest source
   * @param raw size of a picture whose pixels `image` holds, [height, width, 3]
   */
  constructor(image: Uint8Array, kernel: DecodeTarget['kernel'], maxPixels: number, raw?: Source) {
    this.#image = image;
    this.#raw = raw;
    this.#source = raw;
    this.#kernel = kernel;
    this.#maxPixels = maxPixels;
  }

  /** The pixels, where they are there already. */
  ready(side: number): Uint8Array | undefined {
    return [this.#decoded, this.#shrunk].find((pixels) => pixels?.side === side)?.data;
  }

  /**
   * `[side, side, 3]` uint8: shrunk from a larger decode when there is one or when that pays, else decoded.
   * @param visits this side and those that the picture may need later, ascending
   * @throws RequestError as {@link decode}
   */
  async pixels(visits: readonly Visit[], costs: DecodeCosts): Promise<Uint8Array> {
    const { side } = visits[0]!;
    if (this.#decoded === undefined || this.#decoded.side < side) {
      const resolution = await this.#decodeSide(visits, costs);
      const target = { resolution, kernel: this.#kernel, maxPixels: this.#maxPixels };
      const data =
        this.#raw === undefined
          ? await decode(this.#image, target)
          : await fit({ ...this.#raw, data: this.#image }, target);
      this.#decoded = { side: resolution, data };
    }
    const ready = this.ready(side);
    if (ready !== undefined) return ready;
    this.#shrunk = { side, data: await shrink(this.#decoded, side, this.#kernel) };
    return this.#shrunk.data;
  }

  /** What it shows; to be asked after its first pixels. */
  async content(): Promise<Content> {
    const { side, data } = this.#decoded!;
    this.#source ??= (await sourceOf(this.#image)) ?? { width: side, height: side };
    return contentOf(this.#source, this.#image.length, data, side);
  }

  async #decodeSide(visits: readonly Visit[], costs: DecodeCosts): Promise<number> {
    if (visits.length === 1) return visits[0]!.side;
    this.#source ??= await sourceOf(this.#image);
    // A header that cannot be read: the decode will say why.
    if (this.#source === undefined) return visits[0]!.side;
    const { width, height } = this.#source;
    // Larger sides than the source's would be invented, then shrunk: not what the small rung was trained on.
    const shrinkable = visits.filter(({ side }, at) => at === 0 || side <= Math.min(width, height));
    return decodeSide(costs, shrinkable, width * height);
  }
}
