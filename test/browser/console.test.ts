/** What a person does with the console, and sees of it. */

import { readFile } from 'node:fs/promises';
import type { BrowserContextOptions } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { macs } from '../../src/console/units.js';
import { Auth } from '../../src/http/auth.js';
import type { ThresholdPolicy } from '../../src/policy/schema.js';
import { FULL } from '../support/cifar10.js';
import { jpeg } from '../support/pictures.js';
import { answerOf, CAT, CHROMIUM, dropCat, give, LOCKED, rowsOf, Stage, textOf } from './stage.js';

/** A busy machine paints late. */
const eventually = <T>(look: () => Promise<T>) => expect.poll(look, { timeout: 30_000 });

describe.skipIf(CHROMIUM === undefined)('the console in Chromium', () => {
  const stage = Stage.forTests();

  const open = (options: BrowserContextOptions = {}, at = stage.url) => stage.open(at, options);
  const forget = (status: number) => stage.forget(`status of ${status}`);

  async function classify(policy: string, image: Uint8Array) {
    const body = new Uint8Array(image);
    return (await fetch(`${stage.url}/v1/classify?policy=${policy}&explain=true`, { method: 'POST', body })).json();
  }

  async function guessOfCat(): Promise<string> {
    // biome-ignore lint/suspicious/noExplicitAny: the gateway's own tests know its shape
    return ((await classify('balanced', await readFile(CAT))) as any).predictions[0].label;
  }

  const ruleOf = (name: string) => {
    const { policy } = stage.served.gateway.policies.find((each) => each.name === name)!;
    return (policy as ThresholdPolicy).cascades.cifar10!;
  };
  /** How many the route has that serves. */
  const exitsOf = (name: string) => {
    const { route, points } = ruleOf(name);
    return (route ?? points![0]!.route).reduce((sum, { thresholds }) => sum + thresholds.length, 0);
  };

  it('answers a dropped picture, and draws its way as the gateway tells it', async () => {
    const page = await open();
    await dropCat(page);
    // biome-ignore lint/suspicious/noExplicitAny: the gateway's own tests know its shape
    const { route, cost, predictions } = (await classify('balanced', await readFile(CAT))) as any;
    expect(await answerOf(page).innerText()).toBe(predictions[0].label);
    expect(await page.locator('.predictions li').count()).toBe(predictions.length);
    const drawn = page.locator('.exit:not(.is-saved)');
    expect(await drawn.count()).toBe(route.steps.length);
    const words = await page.locator('.exit:not(.is-saved) .unseen').allTextContents();
    for (const [at, { exit, score, threshold }] of route.steps.entries()) {
      const gate = threshold === null ? 'no threshold' : `threshold ${threshold}`;
      expect(words[at]).toContain(`Exit ${exit}: score ${Number(score.toFixed(3))}, ${gate}`);
      // The water stands as high as the score.
      const height = await drawn
        .nth(at)
        .locator('.water')
        .evaluate((water) => (water as HTMLElement).style.height);
      expect(Number.parseFloat(height)).toBeCloseTo(100 * score, 3);
    }
    expect(await page.locator('.exit.is-left').count()).toBe(1);
    expect(await textOf(page, '.exit.is-left .exit-name')).toBe(`exit ${route.exit}`);
    expect(await page.locator('.exit.is-saved').count()).toBe(exitsOf('balanced') - route.steps.length);
    const saved = `${(100 * (1 - cost.macs / cost.full_macs)).toFixed(1)} % of`;
    expect(await textOf(page, '.cost figcaption')).toContain(
      `${cost.macs > cost.full_macs ? 'more than' : saved} the full network`,
    );
    // For who only listens.
    await expect
      .poll(() => page.locator('#trial > [role=status]').textContent())
      .toMatch(new RegExp(`^${predictions[0].label}, [\\d.]+ %\\. Policy balanced`));
  });

  it('answers a pasted picture, and one of the sample', async () => {
    const page = await open();
    await page.getByRole('button', { name: 'Try it with a cat' }).click();
    await answerOf(page).waitFor();
    await give(page, 'paste', { name: 'disc.jpg', bytes: await jpeg(64, 64, 200), type: 'image/jpeg' });
    await page.getByText('disc.jpg').waitFor();
    // biome-ignore lint/suspicious/noExplicitAny: as above
    const { predictions } = (await classify('balanced', await jpeg(64, 64, 200))) as any;
    await eventually(() => answerOf(page).innerText()).toBe(predictions[0].label);
  });

  it('tells in a sentence why a file is not answered, once for all policies, and answers the next', async () => {
    const page = await open();
    const asked: string[] = [];
    page.on('request', (request) => request.method() === 'POST' && asked.push(request.url()));
    await give(page, 'drop', { name: 'words.txt', bytes: Buffer.from('only words'), type: 'text/plain' });
    await page.locator('.answer.is-refused').waitFor();
    expect(await textOf(page, '.answer .trouble')).toMatch(/^Not a picture format .*JPEG, PNG, WebP.*\.$/);
    expect(asked.length).toBe(1);
    forget(415);
    await dropCat(page);
    expect(await answerOf(page).innerText()).toBe(await guessOfCat());
  });

  it('shows the same picture under every policy, side by side, and goes to one that is chosen there', async () => {
    const page = await open();
    await dropCat(page);
    const names = stage.served.gateway.policies.map(({ name }) => name).sort();
    await eventually(async () => await rowsOf(page).locator('.cost-cell').count()).toBe(names.length);
    expect((await rowsOf(page).getByRole('button').allInnerTexts()).sort()).toEqual(names);
    const full = rowsOf(page).filter({ hasText: 'full' });
    expect(await full.locator('.cost-cell').innerText()).toContain('100.0 %');
    await full.getByRole('button').click();
    expect(await textOf(page, '.way header .note')).toContain('full');
    expect(await page.getByRole('combobox', { name: 'Policy' }).inputValue()).toBe('full');
    expect(await page.locator('.exit').count()).toBe(FULL.stages.length);
    expect(await textOf(page, '.saved-text')).toMatch(/^0 MACs saved/);
  });

  it('draws charts of the traffic that comes', async () => {
    const page = await open();
    const image = await jpeg(64, 64);
    const now = (name: string) => page.locator('.chart', { hasText: name }).locator('figcaption p').innerText();
    const saved = await (async () => {
      for (;;) {
        await Promise.all(Array.from({ length: 4 }, () => classify('fast', image)));
        const said = await now('Computation saved');
        if (said.includes('%')) return said;
      }
    })();
    // biome-ignore lint/suspicious/noExplicitAny: as above
    const { cost } = (await classify('fast', image)) as any;
    expect(saved.split(' at ')[0]).toBe(`${(100 * (1 - cost.macs / cost.full_macs)).toFixed(1)} %`);
    expect(await now('Time to the answer')).toMatch(/^p50 [≈>] [\d.]+ m?s, p95 [≈>] [\d.]+ m?s( at |$)/);
    expect(await page.locator('.chart', { hasText: 'Where pictures leave' }).locator('li').count()).toBe(1);
    // Something is painted in each: a canvas that has more than one colour.
    for (let at = 0; at < 4; at++) {
      const colours = await page
        .locator('.plot canvas')
        .nth(at)
        .evaluate((canvas) => {
          const { width, height } = canvas as HTMLCanvasElement;
          const { data } = (canvas as HTMLCanvasElement).getContext('2d')!.getImageData(0, 0, width, height);
          return new Set(new Uint32Array(data.buffer)).size;
        });
      expect(colours).toBeGreaterThan(2);
    }
    expect(await textOf(page, '.since')).toMatch(
      /^Since the start on [^:]+:\d\d: [\d,]+ answers, [\d.]+ % (of the computation saved|more computation)/,
    );
  });

  it('slides along a frontier: cost, accuracy and YAML are those of the point', async () => {
    const page = await open({ permissions: ['clipboard-read', 'clipboard-write'] });
    const points = ruleOf('adaptive').points!;
    const card = page.locator('.policy', { hasText: 'adaptive' });
    const slider = card.getByRole('slider');
    await slider.waitFor();
    expect(await slider.inputValue()).toBe(String(points.length - 1));
    await slider.focus();
    expect(points.length).toBeGreaterThan(1);
    for (const { name, expected, ...walk } of points) {
      if (name !== points[0]!.name) await page.keyboard.press('ArrowLeft');
      const facts = await card.locator('.facts').innerText();
      expect(facts).toContain(name);
      expect(facts).toContain(`${(100 * expected.top1!).toFixed(2)} %`);
      expect(facts).toContain(macs(expected.macs));
      expect(await slider.getAttribute('aria-valuetext')).toContain(name);
      const yaml = parse(await card.locator('pre').innerText());
      expect(yaml.cascades.cifar10).toEqual(walk);
      expect(yaml.description).toContain(`Point ${name} of adaptive`);
    }
    await card.getByRole('button', { name: 'Copy the YAML' }).click();
    await card.getByText('Copied.').waitFor();
    expect(parse(await page.evaluate(() => navigator.clipboard.readText())).cascades.cifar10.route).toEqual(
      points.at(-1)!.route,
    );
  });

  it('does all of it by keyboard alone, with the focus in sight', async () => {
    const page = await open();
    await page.getByRole('heading', { name: 'Try a picture' }).waitFor();
    const focused = () =>
      page.evaluate(() => {
        const at = document.activeElement as HTMLElement;
        const marked = at.closest('.intake, .theme label') ?? at;
        return {
          what: at.innerText || at.id || at.getAttribute('type') || at.tagName,
          mark: getComputedStyle(marked).outlineStyle,
        };
      });
    const tabTo = async (isThere: (what: string) => boolean) => {
      for (let i = 0; i < 40; i++) {
        await page.keyboard.press('Tab');
        const { what, mark } = await focused();
        expect(`${what}: ${mark}`).not.toMatch(/: none$/);
        if (isThere(what)) return;
      }
      throw new Error('the focus does not come there');
    };
    await tabTo((what) => what === 'file');
    await tabTo((what) => what === 'Try it with a cat');
    await page.keyboard.press('Enter');
    await eventually(async () => rowsOf(page).locator('.cost-cell').count()).toBe(stage.served.gateway.policies.length);
    await tabTo((what) => what === 'fast');
    await page.keyboard.press('Enter');
    expect(await textOf(page, '.way header .note')).toMatch(/^fast/);
    await tabTo((what) => what.startsWith('point-'));
    await page.keyboard.press('Home');
    expect(await page.locator('.policy.has-frontier .facts').innerText()).toContain(
      ruleOf('adaptive').points!.at(-1)!.name,
    );
  });

  it('fits a phone: nothing to scroll sideways at 360 pixels', async () => {
    const page = await open({ viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true });
    const overhang = () => page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    await page.getByRole('slider').waitFor();
    expect(await overhang()).toBe(0);
    await dropCat(page);
    await eventually(async () => rowsOf(page).locator('.cost-cell').count()).toBe(stage.served.gateway.policies.length);
    expect(await overhang()).toBe(0);
    for (const summary of await page.locator('summary').all()) await summary.click();
    expect(await overhang()).toBe(0);
  });

  it('is dark or light as the system is, until the person chooses, and then after a reload too', async () => {
    const page = await open({ colorScheme: 'dark' });
    const ground = () =>
      page.evaluate(() => getComputedStyle(document.body).backgroundColor.match(/\d+/g)!.map(Number));
    expect(Math.max(...(await ground()))).toBeLessThan(80);
    await page.emulateMedia({ colorScheme: 'light' });
    expect(Math.min(...(await ground()))).toBeGreaterThan(200);
    await page.getByText('Dark', { exact: true }).click();
    expect(Math.max(...(await ground()))).toBeLessThan(80);
    await page.reload();
    await page.getByRole('heading', { name: 'Try a picture' }).waitFor();
    expect(Math.max(...(await ground()))).toBeLessThan(80);
    await page.getByText('As the system').click();
    expect(Math.min(...(await ground()))).toBeGreaterThan(200);
  });

  it('holds still where motion is not wanted', async () => {
    const page = await open({ reducedMotion: 'reduce' });
    await dropCat(page);
    const animation = () =>
      page
        .locator('.water')
        .first()
        .evaluate((water) => getComputedStyle(water).animationName);
    expect(await animation()).toBe('none');
    await page.emulateMedia({ reducedMotion: 'no-preference' });
    expect(await animation()).toBe('rise');
  });

  it('asks for the key where there is one, keeps it for the tab, and forgets it when told', async () => {
    const page = await open({}, await stage.listen(new Auth(LOCKED)));
    const field = page.getByLabel('API key', { exact: true });
    await field.fill('wrong');
    await field.press('Enter');
    await page.getByText('The gateway does not know that key.').waitFor();
    await field.fill('secret');
    await field.press('Enter');
    await dropCat(page);
    expect(await answerOf(page).innerText()).toBe(await guessOfCat());
    await page.reload();
    await page.getByRole('slider').waitFor();
    expect(await page.evaluate(() => [localStorage.length, sessionStorage.length])).toEqual([0, 1]);
    await page.getByRole('button', { name: 'Forget the key' }).click();
    await field.waitFor();
    expect(await page.evaluate(() => sessionStorage.length)).toBe(0);
    forget(401);
  });
});
