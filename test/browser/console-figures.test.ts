/** What the console makes of the figures of its gateway, or of several, and of what comes with them. */

import type { Page, Request } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import type { Snapshot } from '../../src/http/snapshot.js';
import { CHROMIUM, dropCat, rowsOf, Stage, textOf } from './stage.js';

const FIGURES = '**/console/figures';

describe.skipIf(CHROMIUM === undefined)('the figures in the console', () => {
  const stage = Stage.forTests();

  /** The page, with other figures than those of the gateway. */
  async function openWith(change: (figures: Snapshot, look: number) => Partial<Snapshot>): Promise<Page> {
    let looks = 0;
    return stage.open(stage.url, {}, async (fresh) => {
      await fresh.route(FIGURES, async (route) => {
        const figures: Snapshot = await (await route.fetch()).json();
        looks += 1;
        await route.fulfill({ json: { ...figures, ...change(figures, looks) } });
      });
    });
  }

  const isPost = (request: Request) => request.method() === 'POST';
  const isList = (request: Request) => request.url().endsWith('/v1/cascades');

  it('are missed where the gateway hangs, and no value is shown as of now', async () => {
    let hangs = false;
    const page = await stage.open(stage.url, {}, async (fresh) => {
      await fresh.clock.install();
      await fresh.route(FIGURES, (route) => (hangs ? new Promise(() => {}) : route.continue()));
    });
    await page.locator('.lanes.is-ready').waitFor();
    await page.locator('.charts').waitFor();
    hangs = true;
    await page.waitForRequest(FIGURES);
    await page.clock.fastForward(8000);
    await page.getByText('No figures: The gateway does not answer').waitFor();
    expect(await textOf(page, '.lanes')).toBe('No figures of the gateway');
    for (const words of await page.locator('.chart figcaption p').allInnerTexts())
      expect(words).toMatch(/^not seen since \d\d:\d\d:\d\d$/);
  });

  it('are of each gateway alone where two answer in turn, and the catalogue is not asked for at each', async () => {
    const page = await openWith(({ started_ms, catalogue }, look) => ({
      started_ms: started_ms + (look % 2),
      catalogue: `${catalogue} ${look % 2}`,
    }));
    let lists = 0;
    page.on('request', (request) => {
      if (isList(request)) lists += 1;
    });
    await page.getByText('2 gateways answer at this address').waitFor();
    const answers = page.locator('.chart', { hasText: 'Answers a second' }).locator('figcaption p');
    expect(await answers.innerText()).toBe('0');
    for (let look = 0; look < 2; look++) await page.waitForRequest(FIGURES);
    // Once of each.
    expect(lists).toBeLessThanOrEqual(2);
  });

  it('are not asked for while nobody looks, and neither is the catalogue', async () => {
    const asked: string[] = [];
    const page = await stage.open(stage.url, {}, async (fresh) => {
      fresh.on('request', (request) => asked.push(new URL(request.url()).pathname));
      await fresh.addInitScript(() => {
        let state = 'hidden';
        Object.defineProperty(document, 'visibilityState', { get: () => state });
        Object.assign(window, {
          show: () => {
            state = 'visible';
            document.dispatchEvent(new Event('visibilitychange'));
          },
        });
      });
    });
    await page.getByText('Loading…').waitFor();
    expect(asked.filter((path) => path.startsWith('/v1/') || path.endsWith('figures'))).toEqual([]);
    await page.evaluate('show()');
    await page.getByRole('slider').waitFor();
    const paths = asked.filter((path) => path === '/v1/cascades' || path.endsWith('figures'));
    expect(paths.slice(0, 2)).toEqual(['/console/figures', '/v1/cascades']);
  });

  it('tell of other models: the picture is asked again, and of a point that moves: nothing is', async () => {
    let models = '';
    let point: string | undefined;
    const page = await openWith(({ catalogue, cascades, serving }) => ({
      catalogue: catalogue + models,
      cascades: cascades.map((each) => ({ ...each, version: each.version + models })),
      serving: serving.map((each) => (point === undefined ? each : { ...each, point })),
    }));
    await dropCat(page);
    const policies = stage.served.gateway.policies.length;
    await expect.poll(() => rowsOf(page).locator('.cost-cell').count(), { timeout: 30_000 }).toBe(policies);
    const asked: string[] = [];
    page.on('request', (request) => {
      if (isPost(request) || isList(request)) asked.push(request.method());
    });
    const card = page.locator('.policy', { hasText: 'adaptive' });
    const adaptive = stage.served.gateway.services.find(({ policy }) => policy === 'adaptive')!;
    point = adaptive.points.at(-1)!.point!;
    await card.getByText(`Serves now: ${point}.`).waitFor();
    expect(await card.locator('svg').getAttribute('aria-label')).toContain(`${point} serves now`);
    point = 'full';
    await card.getByText('Serves now: the full network, as audits found too little agreement').waitFor();
    expect(asked).toEqual([]);
    models = 'other';
    await expect.poll(() => asked.length, { timeout: 30_000 }).toBe(1 + policies);
    expect(asked[0]).toBe('GET');
  });

  it('tell of another page, which a person may load', async () => {
    const page = await openWith(({ page: tag }, look) => ({ page: look > 1 ? `${tag}x` : tag }));
    const loaded = page.waitForEvent('load');
    await page.getByRole('button', { name: 'Reload it' }).click();
    await loaded;
    await page.getByRole('slider').waitFor();
    expect(await page.getByText('another version of this page').count()).toBe(0);
  });

  it('are none where nothing is counted', async () => {
    const page = await openWith(() => ({ counts: false, services: [] }));
    await page.getByText('nothing is counted').waitFor();
    expect(await page.locator('.since, .charts').count()).toBe(0);
  });

  it('say since when they count, of which version, and what is of the whole gateway', async () => {
    const page = await openWith(() => ({
      started_ms: Date.UTC(2026, 9, 3, 12),
      version: '9.8.7',
      refused: 12,
      queued: 3,
    }));
    expect(await textOf(page, '.since')).toMatch(
      /^Since the start on \d October at \d\d:\d\d: .* The whole gateway: 3 requests in the queue, 12 refused that named nothing it serves\.$/,
    );
    expect(await textOf(page, 'footer')).toContain('Sluice 9.8.7');
  });

  it('warm up only where the gateway says that it has no cascade', async () => {
    let isWarm = false;
    const page = await stage.open(stage.url, {}, async (fresh) => {
      await fresh.route('**/v1/cascades', (route) =>
        isWarm ? route.continue() : route.fulfill({ json: { cascades: [] } }),
      );
    });
    await page.getByText('The lanes are warming up.').waitFor();
    isWarm = true;
    await page.getByRole('slider').waitFor();
  });
});
