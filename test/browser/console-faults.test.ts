/** What the console makes of what goes wrong: keys, busy gateways, proxies, browsers that keep nothing. */

import { readFile } from 'node:fs/promises';
import type { Page, Route } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { Auth } from '../../src/http/auth.js';
import { sha256 } from '../../src/http/key-ring.js';
import { jpeg } from '../support/pictures.js';
import { answerOf, CAT, CHROMIUM, dropCat, give, LOCKED, rowsOf, Stage, textOf } from './stage.js';

const CLASSIFY = '**/v1/classify*';
const policyIn = (route: Route) => new URL(route.request().url()).searchParams.get('policy');

/** @param code of the problem */
function refuse(route: Route, status: number, code: string, headers: Record<string, string> = {}): Promise<void> {
  return route.fulfill({ status, headers, json: { title: `It is ${code}`, detail: 'so it is', code } });
}

describe.skipIf(CHROMIUM === undefined)('the console, where something is wrong', () => {
  const stage = Stage.forTests();

  const policies = () => stage.served.gateway.policies.map(({ name }) => name);
  const isCompared = (page: Page, count: number) =>
    expect.poll(() => rowsOf(page).locator('.cost-cell').count(), { timeout: 30_000 }).toBe(count);

  it('works where the browser keeps nothing for the page', async () => {
    const page = await stage.open(stage.url, {}, async (fresh) => {
      await fresh.addInitScript(() => {
        for (const name of ['localStorage', 'sessionStorage'])
          Object.defineProperty(window, name, {
            get: () => {
              throw new DOMException('denied', 'SecurityError');
            },
          });
      });
    });
    await page.getByText('Dark', { exact: true }).click();
    expect(await page.locator('html').getAttribute('data-theme')).toBe('dark');
    await dropCat(page);
    await answerOf(page).waitFor();
  });

  it('asks for a key as soon as one is needed, asks nothing until there is one, and goes on with the picture', async () => {
    const auth = new Auth({ keyHashes: [], ratePerSecond: 0 });
    const page = await stage.open(await stage.listen(auth));
    await dropCat(page);
    await isCompared(page, policies().length);
    auth.setKeys([]);
    const field = page.getByLabel('API key', { exact: true });
    await field.waitFor();
    expect(await page.locator('footer a').count()).toBe(0);
    // Not even figures, which are asked for every two seconds.
    const isAsked = page.waitForRequest(/figures/, { timeout: 3000 }).then(() => true);
    expect(await isAsked.catch(() => false)).toBe(false);
    const key = 'a-key-that-is-long-enough';
    await field.fill(key);
    await field.press('Enter');
    await page.getByText('The gateway does not know that key.').waitFor();
    auth.setKeys([{ name: 'new', sha256: sha256(key).toString('hex'), priority: 'interactive' }]);
    // The same once more.
    await field.press('Enter');
    await answerOf(page).waitFor();
    expect(await textOf(page, '.file-name')).toBe('cat.jpg');
    stage.forget('status of 401');
  });

  it('calls no key wrong before the gateway does', async () => {
    const page = await stage.open(await stage.listen(new Auth(LOCKED)));
    const field = page.getByLabel('API key', { exact: true });
    await field.waitFor();
    let release = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    await page.route('**/console/figures', async (route) => released.then(() => route.continue()));
    await page.route('**/v1/*', async (route) => released.then(() => route.continue()));
    await field.fill('secret');
    await field.press('Enter');
    await page.getByText('Asking the gateway…').waitFor();
    expect(await page.getByText('does not know').count()).toBe(0);
    release();
    await page.getByRole('slider').waitFor();
    stage.forget('status of 401');
  });

  it('sends no key with a character that nobody sees', async () => {
    const page = await stage.open(await stage.listen(new Auth(LOCKED)));
    const field = page.getByLabel('API key', { exact: true });
    await field.fill('secret\u200b');
    await field.press('Enter');
    await page.getByText('Character 7 (U+200B)').waitFor();
    await field.fill('secret');
    await field.press('Enter');
    await page.getByRole('slider').waitFor();
    stage.forget('status of 401');
  });

  it('asks a busy gateway again by itself, when it is told to', async () => {
    const page = await stage.open(stage.url);
    let refusals = 0;
    await page.route(CLASSIFY, (route) => {
      refusals += 1;
      return refusals > 2 ? route.continue() : refuse(route, 503, 'overloaded', { 'Retry-After': '1' });
    });
    await dropCat(page);
    await isCompared(page, policies().length);
    stage.forget('status of 503');
  });

  it('asks again when it is told to by a person, and keeps the answers that it has', async () => {
    const page = await stage.open(stage.url);
    const asked: (string | null)[] = [];
    await page.route(CLASSIFY, (route) => {
      asked.push(policyIn(route));
      return policyIn(route) === 'full' || asked.length > 20 ? route.continue() : refuse(route, 500, 'internal');
    });
    await dropCat(page);
    await isCompared(page, 1);
    await rowsOf(page)
      .locator('.trouble')
      .nth(policies().length - 2)
      .waitFor();
    expect(await textOf(page, '.answer .trouble')).toBe('It is internal: so it is.');
    await page.unroute(CLASSIFY);
    const again: (string | null)[] = [];
    page.on('request', (request) => {
      if (request.method() === 'POST') again.push(new URL(request.url()).searchParams.get('policy'));
    });
    await page.getByRole('button', { name: 'Ask again' }).click();
    await isCompared(page, policies().length);
    expect(again.toSorted()).toEqual(
      policies()
        .filter((name) => name !== 'full')
        .sort(),
    );
    stage.forget('status of 500');
  });

  it('shows what other policies answer where one is not for this key, and keeps the focus on a row that was refused', async () => {
    const page = await stage.open(stage.url);
    await page.route(CLASSIFY, (route) =>
      policyIn(route) === 'balanced' ? refuse(route, 403, 'forbidden_policy') : route.continue(),
    );
    await dropCat(page);
    await isCompared(page, policies().length - 1);
    const button = (name: string) => rowsOf(page).getByRole('button', { name });
    await button('full').click();
    await answerOf(page).waitFor();
    await button('balanced').click();
    await page.locator('.answer.is-refused').waitFor();
    expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('balanced');
    stage.forget('status of 403');
  });

  it('says of a policy that is still asked nothing that another one said', async () => {
    const page = await stage.open(stage.url);
    await page.route(CLASSIFY, (route) =>
      policyIn(route) === 'balanced' ? refuse(route, 500, 'internal') : new Promise(() => {}),
    );
    await dropCat(page);
    await page.locator('.answer.is-refused').waitFor();
    await page.getByRole('combobox', { name: 'Policy' }).selectOption('full');
    expect(await textOf(page, '.answer')).toBe('On its way…');
    stage.forget('status of 500');
  });

  it.each([
    [
      'a proxy answers',
      (route: Route) => route.fulfill({ contentType: 'text/html', body: '<p>Log in' }),
      /not the gateway/,
    ],
    ['nothing answers', (route: Route) => route.abort(), /cannot be reached/],
  ])('says so once where %s in its place', async (_, instead, expected) => {
    const page = await stage.open(stage.url);
    let asked = 0;
    await page.route(CLASSIFY, (route) => {
      asked += 1;
      return instead(route);
    });
    await dropCat(page);
    await expect.poll(() => textOf(page, '.answer .trouble')).toMatch(expected);
    await page.unroute(CLASSIFY);
    await page.getByRole('button', { name: 'Ask again' }).click();
    await answerOf(page).waitFor();
    expect(asked).toBe(1);
    stage.forget('net::ERR_FAILED');
  });

  it('takes the first of several pictures, says so, and takes it also before there is a gateway to ask', async () => {
    let release = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    const page = await stage.open(stage.url, {}, async (fresh) => {
      await fresh.route('**/console/figures', async (route) => released.then(() => route.continue()));
    });
    const file = { bytes: await readFile(CAT), type: 'image/jpeg' };
    await give(page, 'drop', { ...file, name: 'a.jpg' }, { ...file, name: 'b.jpg' }, { ...file, name: 'c.jpg' });
    await page.getByText('Loading…').waitFor();
    release();
    await answerOf(page).waitFor();
    expect(await textOf(page, '.file-name')).toBe('a.jpg');
    expect(await textOf(page, '.intake-card [role=status]')).toBe('Only the first of 3 was taken.');
  });

  it('leaves a sample that comes late, and says why one does not come', async () => {
    const page = await stage.open(stage.url);
    const cat = page.getByRole('button', { name: 'Try it with a cat' });
    await page.route('**/console/sample.jpg', (route) => route.fulfill({ status: 502, body: 'bad' }));
    await cat.click();
    await page.getByText('refused with status 502').waitFor();
    await page.unroute('**/console/sample.jpg');
    let release = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    await page.route('**/console/sample.jpg', async (route) => released.then(() => route.continue()));
    const sent = page.waitForResponse('**/console/sample.jpg');
    await cat.click();
    const mine = { name: 'mine.jpg', mimeType: 'image/jpeg', buffer: await jpeg(64, 64, 200) };
    await page.locator('input[type=file]').setInputFiles(mine);
    await page.getByText('mine.jpg').waitFor();
    release();
    await (await sent).finished();
    expect(await textOf(page, '.file-name')).toBe('mine.jpg');
    // The field of the file itself is never seen.
    await page.locator('input[type=file]').focus();
    expect(await page.locator('input[type=file]').boundingBox()).toMatchObject({ width: 1, height: 1 });
    stage.forget('status of 502');
  });
});
