import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROOT } from '../support/gateway.js';
import { SmallGateway } from '../support/small-gateway.js';

const run = promisify(execFile);
const CAT = `${ROOT}test/pictures/cat.jpg`;

/** What `npm run package` needs of a checkout; of the models little, as they are large. */
const SOURCES = [
  'package.json',
  '.npmrc',
  'LICENSE',
  'README.md',
  'tsconfig.json',
  'tsconfig.build.json',
  'src',
  'policies',
];
const MODEL = 'models/cifar10/cascade.yaml';

/** Clean: never built. In the checkout, where node_modules is found. */
let checkout: string;
/** Empty but for what is installed into it. */
let user: string;
let version: string;
beforeAll(async () => {
  await mkdir(`${ROOT}runs`, { recursive: true });
  checkout = await mkdtemp(`${ROOT}runs/package-`);
  user = await mkdtemp(join(tmpdir(), 'sluice-user-'));
  for (const each of [...SOURCES, MODEL]) await cp(ROOT + each, join(checkout, each), { recursive: true });
  await run('npm', ['run', 'package'], { cwd: checkout });
  version = JSON.parse(await readFile(`${ROOT}package.json`, 'utf8')).version;
}, 180_000);
afterAll(async () => {
  for (const folder of [checkout, user]) if (folder !== undefined) await rm(folder, { recursive: true, force: true });
});

async function contentOf(tarball: string): Promise<string[]> {
  const { stdout } = await run('tar', ['-tzf', join(checkout, tarball)]);
  return stdout
    .trim()
    .split('\n')
    .map((path) => path.replace('package/', ''));
}

/** Runs a program of the user, with nothing but what is installed there. */
async function told(program: string, ...args: readonly string[]): Promise<unknown> {
  await writeFile(join(user, 'program.mjs'), program);
  const { stdout } = await run(process.execPath, ['program.mjs', ...args], { cwd: user });
  return JSON.parse(stdout);
}

describe('`npm run package` in a checkout that was never built', () => {
  it('packs the gateway with all that it runs on', async () => {
    const content = await contentOf(`sluice-${version}.tgz`);
    const needed = [
      'dist/cli/main.js',
      'dist/console/index.html',
      'dist/client/index.js',
      'policies/balanced.yaml',
      MODEL,
    ];
    expect(content).toEqual(expect.arrayContaining([...needed, 'LICENSE', 'README.md', 'package.json']));
    expect(content.filter((path) => /^(src|test|node_modules)\//.test(path))).toEqual([]);
  });

  it('packs the client by itself', async () => {
    const content = await contentOf(`sluice-client-${version}.tgz`);
    expect(content).toEqual(expect.arrayContaining(['LICENSE', 'README.md', 'package.json', 'index.js', 'index.d.ts']));
    expect(content.filter((path) => path.includes('/'))).toEqual([]);
  });
});

describe('the package of the client', () => {
  let gateway: SmallGateway;
  beforeAll(async () => {
    gateway = await SmallGateway.start();
    const tarball = join(checkout, `sluice-client-${version}.tgz`);
    await writeFile(join(user, 'package.json'), '{}');
    await run('npm', ['install', '--offline', '--no-audit', '--no-fund', tarball], { cwd: user });
  }, 120_000);
  afterAll(() => gateway?.[Symbol.asyncDispose]());

  it('brings nothing else, and is installed where there is no internet', async () => {
    const installed = await readdir(join(user, 'node_modules'));
    expect(installed.filter((name) => !name.startsWith('.'))).toEqual(['sluice-client']);
    const manifest = JSON.parse(await readFile(join(user, 'node_modules/sluice-client/package.json'), 'utf8'));
    expect(manifest).toMatchObject({ version, license: 'Apache-2.0' });
    expect(Object.keys(manifest).filter((key) => /dependencies|scripts/i.test(key))).toEqual([]);
  });

  it('classifies a picture in plain Node', async () => {
    const program = `
      import { readFile } from 'node:fs/promises';
      import { SluiceClient, SluiceProblem } from 'sluice-client';
      const [baseUrl, file] = process.argv.slice(2);
      const client = new SluiceClient({ baseUrl });
      const { predictions, cascade } = await client.classify(await readFile(file), { top: 2 });
      const error = await client.classify(new Uint8Array([1])).catch((error) => error);
      const isProblem = error instanceof SluiceProblem;
      console.log(JSON.stringify({ cascade, count: predictions.length, isProblem, code: error.code }));`;
    expect(await told(program, gateway.url, CAT)).toEqual({
      cascade: 'cifar10',
      count: 2,
      isProblem: true,
      code: 'unsupported_format',
    });
  });

  it('has types, and what its README shows fits them', async () => {
    const page = await readFile(join(user, 'node_modules/sluice-client/README.md'), 'utf8');
    const [, shown = ''] = /```ts\n([^`]+(?:`[^`]+`[^`]+)*?)```/.exec(page)!;
    const check = (text: string) =>
      writeFile(join(user, 'shown.mts'), `declare const picture: File;\n${text}`)
        .then(() => run(`${ROOT}node_modules/.bin/tsc`, ['--noEmit', ...STRICT, 'shown.mts'], { cwd: user }))
        .catch(({ stdout }: { stdout: string }) => ({ stdout }));
    expect(shown).toContain("from 'sluice-client'");
    expect((await check(shown)).stdout).toBe('');
    expect((await check(shown.replace('baseUrl', 'bareUrl'))).stdout).toContain('bareUrl');
  });
});

const STRICT = [
  '--strict',
  '--skipLibCheck',
  'false',
  '--module',
  'nodenext',
  '--target',
  'es2022',
  '--lib',
  'es2023,dom',
  '--types',
  '',
];
