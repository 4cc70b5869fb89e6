/** GET / for people: the console, a page of a few files that were built with the gateway. Nothing of it is made while it serves. */

import { readdir, readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { type Response, Router } from 'express';
import { RequestError, StartError } from '../errors.js';
import type { ShownReload } from './catalogue.js';
import type { ClassifyDeps } from './classify.js';
import { contentTag } from './content-tag.js';
import { snapshotOf } from './figures.js';
import { shared } from './shared.js';

interface ConsoleFile {
  readonly type: string;
  readonly etag: string;
  readonly bytes: Buffer;
}

/** By name; held, so that no address of a caller ever becomes a path. */
export type ConsoleFiles = ReadonlyMap<string, ConsoleFile>;

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.jpg': 'image/jpeg',
  '.txt': 'text/plain; charset=utf-8',
};

/** Scripts, styles and answers come from here only; pictures also from what was dropped onto the page (blob:). */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' blob: data:",
  "connect-src 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
  "form-action 'none'",
].join('; ');

/** @throws StartError when the page is not there */
export async function readConsole(folder: string): Promise<ConsoleFiles> {
  const names = await readdir(folder).catch(() => []);
  const files = new Map<string, ConsoleFile>();
  for (const name of names) {
    const type = TYPES[extname(name)];
    if (type === undefined) continue;
    const bytes = await readFile(join(folder, name));
    // By content: packing and copying give other times, or the same to all.
    files.set(name, { type, bytes, etag: `"${contentTag(bytes)}"` });
  }
  if (!files.has('index.html'))
    throw new StartError('the console was not built: run `npm run build`, or serve with --no-console');
  return files;
}

export function consoleRoutes(
  files: ConsoleFiles,
  { gateway, metrics, auth }: ClassifyDeps,
  lastReload: () => ShownReload | undefined,
): Router {
  const page = contentTag([...files].map(([name, { etag }]) => `${name} ${etag}`).join('\n'));
  const figures = shared(async () => {
    const snapshot = await snapshotOf(gateway, { registry: metrics?.registry, lastReload: lastReload(), page });
    return Buffer.from(JSON.stringify(snapshot));
  });
  const routes = Router();
  routes.get('/', (request, response, next) => {
    response.vary('Accept');
    // curl takes anything: whoever does not ask for a page gets JSON.
    if (request.accepts(['json', 'html']) === 'html') send(response, files.get('index.html')!);
    else next();
  });
  routes.get('/console/figures', async (request, response) => {
    auth.check(request);
    response.setHeader('Cache-Control', 'no-store');
    response.type('application/json').send(await figures());
  });
  routes.get('/console/:file', (request, response) => {
    const file = files.get(request.params.file);
    if (file === undefined) throw new RequestError('not_found', 'the console has no such file');
    send(response, file);
  });
  return routes;
}

function send(response: Response, { type, etag, bytes }: ConsoleFile): void {
  response.set({
    'Content-Type': type,
    'Content-Security-Policy': POLICY,
    'Referrer-Policy': 'no-referrer',
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Cache-Control': 'no-cache',
    ETag: etag,
  });
  response.send(bytes);
}
