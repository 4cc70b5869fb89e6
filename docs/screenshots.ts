/** npm run docs:screenshots: pictures of the console for the README, from a real gateway with real traffic, into docs/images/. */

import { mkdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { BrowserContextOptions } from 'playwright-core';
import sharp from 'sharp';
import { findChromium, launch } from '../test/support/browser.js';
import { jpeg } from '../test/support/pictures.js';
import { ServeProcess } from '../test/support/process.js';
import { WHOLE } from '../test/support/small-folders.js';

const ROOT = fileURLToPath(new URL('../', import.meta.url));
const IMAGES = `${ROOT}docs/images`;
const TRAFFIC_MS = 20_000;

interface Shot {
  readonly name: string;
  /** What stands at the top. */
  readonly from: string;
  readonly options: BrowserContextOptions;
}

const DESK = { viewport: { width: 1180, height: 1330 } };
const SHOTS: readonly Shot[] = [
  { name: 'console-light', from: '.head', options: { ...DESK, colorScheme: 'light' } },
  { name: 'console-dark', from: '.head', options: { ...DESK, colorScheme: 'dark' } },
  {
    name: 'console-phone',
    from: '.answer',
    options: { viewport: { width: 390, height: 1180 }, deviceScaleFactor: 1.5, colorScheme: 'light' },
  },
];

/** A hundred pictures by turns and in waves, so that the charts have something to show. */
async function traffic(url: string, isOver: () => boolean): Promise<void> {
  const drawn = await Promise.all(Array.from({ length: 100 }, (_, i) => jpeg(32, 32, 3.6 * i)));
  const photographs = await Promise.all(['cat', 'coffee'].map((name) => readFile(`${ROOT}test/pictures/${name}.jpg`)));
  const policies = ['balanced', 'balanced', 'fast', 'adaptive'];
  for (let i = 0; !isOver(); i++) {
    const image = i % 10 < 8 ? drawn[(7 * i) % 100]! : photographs[i % 2]!;
    await fetch(`${url}/v1/classify?policy=${policies[i % policies.length]}`, {
      method: 'POST',
      body: new Uint8Array(image),
    });
    await new Promise((resolve) => setTimeout(resolve, 15 + 25 * (1 + Math.sin(i / 30))));
  }
}

const chromium = findChromium();
if (chromium === undefined) throw new Error('no Chromium in PATH (chromium, google-chrome) nor in $CHROMIUM');
await using gateway = new ServeProcess([...WHOLE, '--log-level', 'info']);
const url = await gateway.url();
await gateway.said('ready');
await mkdir(IMAGES, { recursive: true });
const browser = await launch(chromium);
const pages = [];
for (const shot of SHOTS) {
  const page = await browser.newPage({ ...shot.options, reducedMotion: 'reduce' });
  await page.goto(url);
  await page.getByRole('button', { name: 'Try it with a cat' }).click();
  await page.locator('.comparison .cost-cell').nth(3).waitFor();
  pages.push({ shot, page });
}
const end = Date.now() + TRAFFIC_MS;
await traffic(url, () => Date.now() > end);
for (const { shot, page } of pages) {
  // The answer of a gateway at rest, not that of its first request.
  await page.locator('input[type=file]').setInputFiles(`${ROOT}test/pictures/coffee.jpg`);
  // The answer first, then that of every policy.
  await page.locator('.answer').getByText('espresso').first().waitFor();
  await page.locator('.comparison').getByText('espresso').nth(3).waitFor();
  await page.mouse.move(0, 0);
  await page.evaluate(`document.querySelector('${shot.from}').scrollIntoView()`);
  const taken = page.screenshot();
  // Few colours are enough, and a third of the bytes.
  await sharp(await taken)
    .png({ palette: true, colours: 256, effort: 10 })
    .toFile(`${IMAGES}/${shot.name}.png`);
}
await browser.close();
