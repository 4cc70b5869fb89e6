/** The console in a real Chromium, in front of a real gateway, under its real policy of content. */

import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { macs } from '../../src/console/units.js';
import { createApp } from '../../src/http/app.js';
import { Auth } from '../../src/http/auth.js';
import { type ConsoleFiles, readConsole } from '../../src/http/console.js';
import { loadPolicies, type NamedPolicy } from '../../src/policy/loader.js';
import type { ThresholdPolicy } from '../../src/policy/schema.js';
import { findChromium, launch } from '../support/browser.js';
import { FULL } from '../support/cifar10.js';
import { POLICIES, ROOT, startGateway, type TestGateway } from '../support/gateway.js';
import { jpeg } from '../support/pictures.js';

const chromium = findChromium();
if (chromium === undefined)
  console.warn('console in a browser: skipped, no Chromium in PATH (chromium, google-chrome) nor in $CHROMIUM');

const CAT = `${ROOT}test/pictures/cat.jpg`;

/** A busy machine paints late. */
const eventually = <T>(look: () => Promise<T>) => expect.poll(look, { timeout: 30_000 });

describe.skipIf(chromium === undefined)('the console in Chromium', () => {
  let served: TestGateway;
  let files: ConsoleFiles;
  let browser: Browser;
  const servers: Server[] = [];
  let url: string;
  /** What went wrong in the page, or left this machine. */
  let faults: string[] = [];
  const opened: Page[] = [];

  async function listen(auth?: Auth): Promise<string> {
    const app = createApp({ ...served.deps, console: files, ...(auth === undefined ? {} : { auth }) });
    const server = await new Promise<Server>((resolve) => {
      const listening: Server = createServer(app).listen(0, '127.0.0.1', () => resolve(listening));
    });
    servers.push(server);
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  beforeAll(async () => {
    const { policies } = await loadPolicies(POLICIES);
    served = await startGateway({ lanes: 1, policies: policies.map(withoutGoal) });
    files = await readConsole(`${ROOT}dist/console`);
    url = await listen();
    browser = await launch(chromium!);
  });
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((page) => page.context().close()));
    const seen = faults;
    faults = [];
    expect(seen).toEqual([]);
  });
  afterAll(async () => {
    await browser?.close();
    for (const server of servers) server.closeAllConnections();
    await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
    await served?.gateway.close();
  });

  async function open(options: BrowserContextOptions = {}, at = url): Promise<Page> {
    const context = await browser.newContext(options);
    const page = await context.newPage();
    opened.push(page);
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) faults.push(message.text());
    });
    page.on('pageerror', (error) => faults.push(String(error)));
    page.on('request', (request) => {
      if (!request.url().startsWith(`${at}/`) && !request.url().startsWith(`blob:${at}/`)) faults.push(request.url());
    });
    // Also what the policy stops without a word on the console.
    await page.addInitScript(() => {
      document.addEventListener('securitypolicyviolation', (event) =>
        console.error(`stopped: ${event.violatedDirective} ${event.blockedURI}`),
      );
    });
    await page.goto(at);
    return page;
  }

  /** A refused picture is an error for Chromium's console, and no fault. */
  const forget = (status: number) => {
    faults = faults.filter((fault) => !fault.includes(`status of ${status}`));
  };

  /** Lets go of, or pastes, a file as the system would. */
  async function give(page: Page, how: 'drop' | 'paste', name: string, bytes: Buffer, type: string): Promise<void> {
    await page.getByRole('heading', { name: 'Try a picture' }).waitFor();
    await page.evaluate(
      ({ kind, name: fileName, base64, mime }) => {
        const content = Uint8Array.from(atob(base64), (each) => each.charCodeAt(0));
        const data = new DataTransfer();
        data.items.add(new File([content], fileName, { type: mime }));
        const shared = { bubbles: true, cancelable: true };
        if (kind === 'drop') {
          document.body.dispatchEvent(new DragEvent('dragover', { ...shared, dataTransfer: data }));
          document.body.dispatchEvent(new DragEvent('drop', { ...shared, dataTransfer: data }));
        } else document.body.dispatchEvent(new ClipboardEvent('paste', { ...shared, clipboardData: data }));
      },
      { kind: how, name, base64: bytes.toString('base64'), mime: type },
    );
  }

  const dropCat = async (page: Page) => give(page, 'drop', 'cat.jpg', await readFile(CAT), 'image/jpeg');
  const answerOf = (page: Page) => page.locator('.verdict strong');
  const text = async (page: Page, selector: string) => (await page.locator(selector).innerText()).trim();
  const rows = (page: Page) => page.locator('.comparison tbody tr');

  async function classify(policy: string, image: Uint8Array) {
    const body = new Uint8Array(image);
    return (await fetch(`${url}/v1/classify?policy=${policy}&explain=true`, { method: 'POST', body })).json();
  }

  async function guessOfCat(): Promise<string> {
    // biome-ignore lint/suspicious/noExplicitAny: the gateway's own tests know its shape
    return ((await classify('balanced', await readFile(CAT))) as any).predictions[0].label;
  }

  const ruleOf = (name: string) => {
    const { policy } = served.gateway.policies.find((each) => each.name === name)!;
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
    expect(await text(page, '.exit.is-left .exit-name')).toBe(`exit ${route.exit}`);
    expect(await page.locator('.exit.is-saved').count()).toBe(exitsOf('balanced') - route.steps.length);
    const saved = `${(100 * (1 - cost.macs / cost.full_macs)).toFixed(1)} % of`;
    expect(await text(page, '.cost figcaption')).toContain(
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
    await give(page, 'paste', 'disc.jpg', await jpeg(64, 64, 200), 'image/jpeg');
    await page.getByText('disc.jpg').waitFor();
    // biome-ignore lint/suspicious/noExplicitAny: as above
    const { predictions } = (await classify('balanced', await jpeg(64, 64, 200))) as any;
    await eventually(() => answerOf(page).innerText()).toBe(predictions[0].label);
  });

  it('tells in a sentence why a file is not answered, once for all policies, and answers the next', async () => {
    const page = await open();
    const asked: string[] = [];
    page.on('request', (request) => request.method() === 'POST' && asked.push(request.url()));
    await give(page, 'drop', 'words.txt', Buffer.from('only words'), 'text/plain');
    await page.locator('.answer.is-refused').waitFor();
    expect(await text(page, '.answer .trouble')).toMatch(/^Not a picture format .*JPEG, PNG, WebP.*\.$/);
    expect(asked.length).toBe(1);
    forget(415);
    await dropCat(page);
    expect(await answerOf(page).innerText()).toBe(await guessOfCat());
  });

  it('shows the same picture under every policy, side by side, and goes to one that is chosen there', async () => {
    const page = await open();
    await dropCat(page);
    const names = served.gateway.policies.map(({ name }) => name).sort();
    await eventually(async () => await rows(page).locator('.cost-cell').count()).toBe(names.length);
    expect((await rows(page).getByRole('button').allInnerTexts()).sort()).toEqual(names);
    const full = rows(page).filter({ hasText: 'full' });
    expect(await full.locator('.cost-cell').innerText()).toContain('100.0 %');
    await full.getByRole('button').click();
    expect(await text(page, '.way header .note')).toContain('full');
    expect(await page.getByRole('combobox', { name: 'Policy' }).inputValue()).toBe('full');
    expect(await page.locator('.exit').count()).toBe(FULL.stages.length);
    expect(await text(page, '.saved-text')).toMatch(/^0 MACs saved/);
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
    expect(saved).toBe(`${(100 * (1 - cost.macs / cost.full_macs)).toFixed(1)} %`);
    expect(await now('Time to the answer')).toMatch(/^p50 [\d.]+ m?s, p95 [\d.]+ m?s$/);
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
    expect(await text(page, '.since')).toMatch(
      /^Since the start: [\d,]+ answers, [\d.]+ % (of the computation saved|more computation)/,
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
    await eventually(async () => rows(page).locator('.cost-cell').count()).toBe(served.gateway.policies.length);
    await tabTo((what) => what === 'fast');
    await page.keyboard.press('Enter');
    expect(await text(page, '.way header .note')).toMatch(/^fast/);
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
    await eventually(async () => rows(page).locator('.cost-cell').count()).toBe(served.gateway.policies.length);
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
    // The SHA-256 of "secret".
    const keyHashes = ['2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b'];
    const page = await open({}, await listen(new Auth({ keyHashes, ratePerSecond: 0 })));
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

/** So that the same point serves however slow the machine is. */
function withoutGoal(named: NamedPolicy): NamedPolicy {
  if (named.policy.kind === 'full') return named;
  const { goal: _, ...policy } = named.policy;
  return { ...named, policy };
}
