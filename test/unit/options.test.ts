import { InvalidArgumentError } from 'commander';
import { describe, expect, it } from 'vitest';
import { decimal, whole } from '../../src/cli/options.js';

const refused = (parse: (text: string) => unknown, text: string) => {
  try {
    return parse(text);
  } catch (error) {
    if (error instanceof InvalidArgumentError) return error.message;
    throw error;
  }
};

describe('a number of an option', () => {
  const share = decimal({ above: 0, below: 1 });
  const watts = decimal({ least: 0, most: 1000 });

  it.each([
    ['0.5', 0.5],
    ['.5', 0.5],
    ['5e-1', 0.5],
  ])('may be written as %s', (text, value) => {
    expect(share(text)).toBe(value);
    expect(share.inFile.parse(Number(text))).toBe(value);
  });

  it.each(['', ' ', '0x1', 'half', 'Infinity', 'NaN', '-0.5', '0.5s', '1.'])('is none: %j', (text) => {
    expect(refused(watts, text)).toBe('allowed: a number from 0, up to 1000.');
  });

  it('keeps to its bounds, which are its own or are not', () => {
    expect(['0', '1000'].map(watts)).toEqual([0, 1000]);
    for (const text of ['0', '1']) expect(refused(share, text)).toBe('allowed: a number above 0, below 1.');
    expect(refused(watts, '1000.1')).toMatch(/^allowed/);
    for (const value of [0, 1, '0.5', Number.NaN]) expect(share.inFile.safeParse(value).success).toBe(false);
  });

  it('that is whole has no other part', () => {
    expect(whole(1, 9)('9')).toBe(9);
    for (const text of ['', '1.5', '10', '0', '1e0']) expect(refused(whole(1, 9), text)).toMatch(/from 1 to 9/);
  });
});
