import { describe, expect, it } from 'vitest';
import type { RequestError } from '../../src/errors.js';
import { Uploads } from '../../src/http/uploads.js';

const bytes = (length: number) => Buffer.alloc(length, 7);

function begun(uploads: Uploads) {
  const cuts: RequestError[] = [];
  return { upload: uploads.begin((reason) => cuts.push(reason)), cuts };
}

describe('Uploads', () => {
  it('counts the memory of each body until it is done', () => {
    const uploads = new Uploads({ maxBytes: 1_000_000 });
    const [first, second] = [begun(uploads), begun(uploads)];
    first.upload.push(bytes(1000));
    second.upload.push(bytes(10));
    expect(uploads.held).toBe(1010);
    // The second piece has room made for it.
    second.upload.push(bytes(10));
    expect(uploads.held).toBe(1000 + 65_536);
    expect(second.upload.bytes()).toEqual(bytes(20));
    second.upload[Symbol.dispose]();
    second.upload[Symbol.dispose]();
    expect(uploads.held).toBe(1000);
    first.upload[Symbol.dispose]();
    expect(uploads.held).toBe(0);
  });

  it('lets the oldest make room, as many as it takes, and goes on with the others', () => {
    const uploads = new Uploads({ maxBytes: 1000, totalBytes: 1000 });
    const [first, second, third, fourth] = [begun(uploads), begun(uploads), begun(uploads), begun(uploads)];
    third.upload.push(bytes(300));
    first.upload.push(bytes(300));
    second.upload.push(bytes(300));
    expect(fourth.upload.push(bytes(700))).toBe(true);
    expect([first, second, third, fourth].map(({ cuts }) => cuts.map(({ code }) => code))).toEqual([
      ['overloaded'],
      ['overloaded'],
      [],
      [],
    ]);
    expect(uploads.held).toBe(1000);
    expect(fourth.upload.bytes()).toEqual(bytes(700));
    // What still comes of one that made room is not kept.
    expect(first.upload.push(bytes(900))).toBe(true);
    expect(uploads.held).toBe(1000);
    expect(first.cuts[0]!.retryAfterSeconds).toBe(1);
  });

  it('lets one that is the oldest itself make room, too', () => {
    const uploads = new Uploads({ maxBytes: 1000, totalBytes: 1000 });
    const [first, second] = [begun(uploads), begun(uploads)];
    second.upload.push(bytes(600));
    first.upload.push(bytes(500));
    expect([first.cuts.length, second.cuts.length]).toEqual([1, 0]);
    expect(uploads.held).toBe(600);
  });

  it('refuses the piece that is too much for one body', () => {
    const { upload } = begun(new Uploads({ maxBytes: 10, totalBytes: 1000 }));
    expect(upload.push(bytes(11))).toBe(false);
    expect(upload.push(bytes(10))).toBe(true);
  });
});
