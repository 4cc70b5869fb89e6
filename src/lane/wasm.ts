/** What the WebAssembly codecs need from their host: they are written for browsers. */

import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';

declare const WebAssembly: { compile(code: Uint8Array): Promise<unknown> };

/** Pixels as the codecs take and give them, [height, width, 4]. */
export class PixelData {
  constructor(
    readonly data: Uint8ClampedArray,
    readonly width: number,
    readonly height: number,
  ) {}
}
Object.assign(globalThis, { ImageData: PixelData });

const { resolve } = createRequire(import.meta.url);

/** @param file of an installed package */
export async function compiled(file: string): Promise<unknown> {
  return WebAssembly.compile(await readFile(resolve(file)));
}
