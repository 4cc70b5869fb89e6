/** The console in a real Chromium, in front of a real gateway, under its real policy of content. */

import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import { createApp } from '../../src/http/app.js';
import type { Auth } from '../../src/http/auth.js';
import { type ConsoleFiles, readConsole } from '../../src/http/console.js';
import { loadPolicies, type NamedPolicy } from '../../src/policy/loader.js';
import { findChromium, launch } from '../support/browser.js';
import { POLICIES, ROOT, startGateway, type TestGateway } from '../support/gateway.js';

export const CHROMIUM = findChromium();
if (CHROMIUM === undefined)
  console.warn('console in a browser: skipped, no Chromium in PATH (chromium, google-chrome) nor in $CHROMIUM');

export const CAT = `${ROOT}test/pictures/cat.jpg`;
/** Of the key `secret`. */
const KEY_HASH = '2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b';
export const LOCKED = { keyHashes: [KEY_HASH], ratePerSecond: 0 };

export interface GivenFile {
  readonly name: string;
  readonly bytes: Buffer;
  readonly type: string;
}

export class Stage {
  readonly #servers: Server[] = [];
  readonly #opened: Page[] = [];
  /** What went wrong in the page, or left this machine. */
  readonly #faults: string[] = [];
  readonly #forgotten: string[] = [];

  served!: TestGateway;
  #files!: ConsoleFiles;
  #browser: Browser | undefined;
  /** Where a gateway that asks for no key answers. */
  url!: string;

  /** Up from the first of the describe's tests to the last: each has to leave without faults. */
  static forTests(): Stage {
    const stage = new Stage();
    beforeAll(() => stage.#start());
    afterEach(async () => expect(await stage.#clear()).toEqual([]));
    afterAll(() => stage.#close());
    return stage;
  }

  async #start(): Promise<void> {
    const { policies } = await loadPolicies(POLICIES);
    this.served = await startGateway({ lanes: 1, policies: policies.map(withoutGoal) });
    this.#files = await readConsole(`${ROOT}dist/console`);
    this.#browser = await launch(CHROMIUM!);
    this.url = await this.listen();
  }

  /** @returns where it answers */
  async listen(auth?: Auth): Promise<string> {
    const app = createApp({ ...this.served.deps, console: this.#files, ...(auth === undefined ? {} : { auth }) });
    const server = await new Promise<Server>((resolve) => {
      const listening: Server = createServer(app).listen(0, '127.0.0.1', () => resolve(listening));
    });
    this.#servers.push(server);
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  /** @param prepare before anything is loaded */
  async open(at: string, options: BrowserContextOptions = {}, prepare = async (_: Page) => {}): Promise<Page> {
    const context = await this.#browser!.newContext(options);
    const page = await context.newPage();
    this.#opened.push(page);
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) this.#faults.push(message.text());
    });
    page.on('pageerror', (error) => this.#faults.push(String(error)));
    page.on('request', (request) => {
      if (!request.url().startsWith(`${at}/`) && !request.url().startsWith(`blob:${at}/`))
        this.#faults.push(request.url());
    });
    // Also what the policy stops without a word on the console.
    await page.addInitScript(() => {
      document.addEventListener('securitypolicyviolation', (event) =>
        console.error(`stopped: ${event.violatedDirective} ${event.blockedURI}`),
      );
    });
    await prepare(page);
    await page.goto(at);
    return page;
  }

  /** A refusal, or an answer that does not come, is an error for Chromium's console, and no fault of this test, whenever it is told. */
  forget(...told: readonly string[]): void {
    this.#forgotten.push(...told);
  }

  /** Closes the pages of a test. @returns what went wrong in them */
  async #clear(): Promise<readonly string[]> {
    await Promise.all(this.#opened.splice(0).map((page) => page.context().close()));
    const told = this.#forgotten.splice(0);
    return this.#faults.splice(0).filter((fault) => !told.some((each) => fault.includes(each)));
  }

  async #close(): Promise<void> {
    await this.#browser?.close();
    for (const server of this.#servers) server.closeAllConnections();
    await Promise.all(this.#servers.map((server) => new Promise((resolve) => server.close(resolve))));
    await this.served?.gateway.close();
  }
}

/** Lets go of, or pastes, files as the system would. */
export async function give(page: Page, how: 'drop' | 'paste', ...files: readonly GivenFile[]): Promise<void> {
  await page.locator('.head').waitFor();
  await page.evaluate(
    ({ kind, given }) => {
      const data = new DataTransfer();
      for (const { name, base64, type } of given) {
        const content = Uint8Array.from(atob(base64), (each) => each.charCodeAt(0));
        data.items.add(new File([content], name, { type }));
      }
      const shared = { bubbles: true, cancelable: true };
      if (kind === 'drop') {
        document.body.dispatchEvent(new DragEvent('dragover', { ...shared, dataTransfer: data }));
        document.body.dispatchEvent(new DragEvent('drop', { ...shared, dataTransfer: data }));
      } else document.body.dispatchEvent(new ClipboardEvent('paste', { ...shared, clipboardData: data }));
    },
    { kind: how, given: files.map(({ bytes, ...file }) => ({ ...file, base64: bytes.toString('base64') })) },
  );
}

export async function dropCat(page: Page): Promise<void> {
  await give(page, 'drop', { name: 'cat.jpg', bytes: await readFile(CAT), type: 'image/jpeg' });
}

export const textOf = async (page: Page, selector: string) => (await page.locator(selector).innerText()).trim();
export const answerOf = (page: Page) => page.locator('.verdict strong');
export const rowsOf = (page: Page) => page.locator('.comparison tbody tr');

/** So that the same point serves however slow the machine is. */
function withoutGoal(named: NamedPolicy): NamedPolicy {
  if (named.policy.kind === 'full') return named;
  const { goal: _, ...policy } = named.policy;
  return { ...named, policy };
}
