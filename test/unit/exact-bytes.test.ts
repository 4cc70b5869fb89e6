import { describe, expect, it } from 'vitest';
import { convolved, exactBytes } from '../../src/cascade/onnx/exact-bytes.js';

describe('8-bit graphs', () => {
  it('add up the largest bytes without loss on this processor, whichever it is', async () => {
    // 4 x 255 x 127 / 1000 = 129.54
    expect(await convolved(await exactBytes())).toBe(130);
  });

  it('have entries of their own only where the default of the runtime loses something', async () => {
    const lossless = (await convolved({})) === 130;
    expect(await exactBytes()).toEqual(lossless ? {} : { x64quantprecision: '1' });
  });
});
