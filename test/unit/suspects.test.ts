import { describe, expect, it, vi } from 'vitest';
import type { Entry } from '../../src/gateway/entry.js';
import { PictureMemory } from '../../src/gateway/picture-memory.js';
import { Suspects } from '../../src/gateway/suspects.js';

const image = Buffer.from('picture');
const entry = (deaths: number, known: number) =>
  ({ job: { id: 1, image }, deaths, deathsAlone: 0, known }) as unknown as Entry;

describe('what is held against a picture', () => {
  it('is each new death; to be asked again is none', () => {
    const suspects = new Suspects();
    suspects.leaves(entry(0, 0));
    suspects.leaves(entry(1, 1));
    expect(suspects.against(image).deaths).toBe(0);
    suspects.leaves(entry(1, 0));
    expect(suspects.against(Buffer.from('picture')).deaths).toBe(1);
    expect(suspects.against(Buffer.from('another')).deaths).toBe(0);
    suspects.cleared(entry(1, 1));
    expect(suspects.against(image).deaths).toBe(0);
  });
});

describe('a memory of pictures', () => {
  it('holds them by what they are, for as long as it is told', async () => {
    const [brief, long] = [new PictureMemory<number>(500), new PictureMemory<number>()];
    for (const memory of [brief, long]) memory.set(image, 1);
    expect([brief, long].map((memory) => memory.get(Buffer.from('picture')))).toEqual([1, 1]);
    await vi.waitFor(() => expect(brief.get(image)).toBeUndefined(), { timeout: 5000 });
    expect(long.get(image)).toBe(1);
    long.delete(image);
    expect(long.get(image)).toBeUndefined();
  });
});
