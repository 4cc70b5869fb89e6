import { describe, expect, it } from 'vitest';
import { decode, fit } from '../../src/lane/decode.js';
import { drawn, scene } from '../support/pictures.js';

describe('pixels that came decoded', () => {
  it.each([
    [32, 32],
    [24, 24],
    [60, 44],
    [20, 31],
    [300, 200],
    [31, 500],
    [1, 1],
  ])('%i x %i, become what the same pixels in a PNG become', async (width, height) => {
    const png = await drawn(width, height).png().toBuffer();
    const raster = { width, height, channels: 3, data: scene(width, height) } as const;
    for (const resolution of [24, 32, 128]) {
      for (const kernel of ['cubic', 'linear', 'lanczos3', 'nearest'] as const) {
        const target = { resolution, kernel, maxPixels: 1_000_000 };
        const made = await fit(raster, target);
        expect(made.constructor).toBe(Uint8Array);
        expect(Buffer.compare(made, await decode(png, target)), `${kernel} at ${resolution}`).toBe(0);
      }
    }
  });
});
