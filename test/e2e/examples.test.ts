import { execFile } from 'node:child_process';
import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Answer } from '../support/contract.js';
import { ROOT } from '../support/gateway.js';
import { SmallGateway } from '../support/small-gateway.js';

const run = promisify(execFile);
const EXAMPLES = `${ROOT}examples/`;
const CAT = `${ROOT}test/pictures/cat.jpg`;
/** No picture. */
const WORDS = `${ROOT}README.md`;

let gateway: SmallGateway;
/** An own package beside which `sluice` is installed as it is published: what the client needs, and nothing else. */
let user: string;
beforeAll(async () => {
  gateway = await SmallGateway.start();
  user = join(gateway.folder, 'user');
  const installed = join(user, 'node_modules/sluice');
  await mkdir(installed, { recursive: true });
  await cp(`${ROOT}package.json`, join(installed, 'package.json'));
  await cp(`${ROOT}dist/client`, join(installed, 'dist/client'), { recursive: true });
  await writeFile(join(user, 'package.json'), '{ "type": "module" }');
  await cp(`${EXAMPLES}classify.ts`, join(user, 'classify.ts'));
});
afterAll(() => gateway?.[Symbol.asyncDispose]());

interface Said {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function example(program: string, args: readonly string[], added: NodeJS.ProcessEnv = {}): Promise<Said> {
  const env = { ...process.env, SLUICE_URL: gateway.url, PYTHONDONTWRITEBYTECODE: '1', ...added };
  return run(program, args, { env, cwd: user }).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    ({ code, stdout, stderr }: Said) => ({ code, stdout, stderr }),
  );
}
const hasProgram = async (name: string) =>
  run(name, ['--version']).then(
    () => true,
    () => false,
  );
const [hasCurl, hasPython] = await Promise.all(['curl', 'python3'].map(hasProgram));
if (!hasCurl) console.info('test/e2e/examples: that of curl is skipped, curl is missing');
if (!hasPython) console.info('test/e2e/examples: that of Python is skipped, python3 is missing');

interface Reply {
  readonly status: number;
  readonly headers?: Record<string, string>;
  /** Null: the connection breaks. */
  readonly body: string | null;
}
const PAGE: Reply = { status: 502, headers: { 'Content-Type': 'text/html' }, body: '<html>Oh dear</html>' };
const LOGIN: Reply = { ...PAGE, status: 200 };
const refusal = (code: string, status: number, headers: Record<string, string> = {}): Reply => ({
  status,
  headers: { 'Content-Type': 'application/problem+json', ...headers },
  body: JSON.stringify({ code, detail: 'not now' }),
});

/** Something that says these one after another, the last again and again; counts how often it is asked. */
async function saying(replies: readonly Reply[]) {
  let asked = 0;
  const server = createServer((request, response) => {
    const { status, headers, body } = replies[Math.min(asked++, replies.length - 1)]!;
    if (body === null) request.socket.destroy();
    else request.resume().on('end', () => response.writeHead(status, headers).end(body));
  });
  await new Promise<void>((resolve) => server.listen(0, resolve));
  return {
    url: `http://localhost:${(server.address() as AddressInfo).port}`,
    asked: () => asked,
    [Symbol.asyncDispose]: async () => void server.close().closeAllConnections(),
  };
}

/** The line that the examples print of the cat. */
async function expectedLine(): Promise<RegExp> {
  const response = await fetch(`${gateway.url}/v1/classify?top=1`, { method: 'POST', body: await readFile(CAT) });
  const { predictions, route, cost } = Answer.parse(await response.json());
  const { label, probability } = predictions[0]!;
  const rung = `${route.backbone}/${route.width}@${route.resolution} exit ${route.exit}`;
  return new RegExp(
    `^${CAT}: ${label} ${probability.toFixed(2)}, ${rung}, ${Math.round(100 * cost.ratio)}% of the full cost\n$`,
  );
}

describe.skipIf(!hasCurl)(`the example of curl${hasCurl ? '' : ' (missing: curl)'}`, () => {
  it('prints the answer', async () => {
    const { code, stdout, stderr } = await example(`${EXAMPLES}classify.sh`, [CAT, 'top=2&explain=true']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const { predictions, route } = Answer.parse(JSON.parse(stdout));
    expect(predictions.length).toBe(2);
    expect(route.steps!.at(-1)!.exited).toBe(true);
  });

  it('prints the problem and fails where there is one', async () => {
    const { code, stdout } = await example(`${EXAMPLES}classify.sh`, [WORDS]);
    expect({ code, problem: JSON.parse(stdout).code }).toEqual({ code: 22, problem: 'unsupported_format' });
  });

  it.each([
    ['answer', 0, { status: 200, body: '{"id":"x"}' }],
    ['last problem', 22, refusal('damaged_image', 422)],
  ] as const)('prints the %s alone after it has tried again, and leaves no file', async (_, code, last) => {
    await using proxy = await saying([refusal('overloaded and more than the next is long', 503), last]);
    const TMPDIR = join(gateway.folder, `tmp${code}`);
    await mkdir(TMPDIR);
    const said = await example(`${EXAMPLES}classify.sh`, [CAT], { SLUICE_URL: proxy.url, TMPDIR });
    expect(said).toMatchObject({ code, stdout: `${last.body}\n` });
    expect(proxy.asked()).toBe(2);
    expect(await readdir(TMPDIR)).toEqual([]);
  });

  it('does not wait for an hour because a proxy says so', async () => {
    await using proxy = await saying([refusal('overloaded', 503, { 'Retry-After': '3600' })]);
    const { code, stdout } = await example(`${EXAMPLES}classify.sh`, [CAT], { SLUICE_URL: proxy.url });
    expect({ code, problem: JSON.parse(stdout).code }).toEqual({ code: 22, problem: 'overloaded' });
    expect(proxy.asked()).toBe(1);
  });

  it('asks nobody about a file that is missing', async () => {
    await using proxy = await saying([{ status: 200, body: '{}' }]);
    const said = await example(`${EXAMPLES}classify.sh`, ['missing.jpg'], { SLUICE_URL: proxy.url });
    expect(said).toEqual({ code: 1, stdout: '', stderr: expect.stringMatching(/missing\.jpg: No such file/) });
    expect(proxy.asked()).toBe(0);
  });

  it('says so where there is no gateway', async () => {
    const { code, stdout } = await example(`${EXAMPLES}classify.sh`, [CAT], { SLUICE_URL: 'http://localhost:1' });
    expect({ code, stdout }).toEqual({ code: 7, stdout: '' });
  });
});

const IN_TYPESCRIPT = [`${ROOT}node_modules/.bin/tsx`, 'classify.ts'] as const;
const IN_PYTHON = ['python3', `${EXAMPLES}classify.py`] as const;

describe.each([
  ['Python', hasPython, IN_PYTHON],
  ['TypeScript', true, IN_TYPESCRIPT],
] as const)('the example of %s', (name, isThere, [program, file]) => {
  it.skipIf(!isThere)(
    `prints a line a picture, and what is wrong with others${isThere ? '' : ` (missing: ${name})`}`,
    async () => {
      expect(await example(program, [file, CAT])).toEqual({
        code: 0,
        stdout: expect.stringMatching(await expectedLine()),
        stderr: '',
      });
      const { code, stdout, stderr } = await example(program, [file, WORDS]);
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
      expect(stderr).toContain('README.md: unsupported_format: ');
    },
  );

  it.skipIf(!isThere)('goes on after files that cannot be read or are refused, and fails at the end', async () => {
    const missing = join(user, 'missing.jpg');
    const { code, stdout, stderr } = await example(program, [file, missing, user, WORDS, CAT]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: expect.stringMatching(await expectedLine()) });
    const lines = stderr.trimEnd().split('\n');
    expect(lines).toEqual([
      expect.stringMatching(/missing\.jpg: .*no such file/i),
      expect.stringMatching(/user: .*directory/),
      expect.stringMatching(/README\.md: unsupported_format: /),
    ]);
  });

  it.skipIf(!isThere)('does not wait for an hour because a proxy says so', async () => {
    await using proxy = await saying([refusal('overloaded', 503, { 'Retry-After': '3600' })]);
    const { code, stderr } = await example(program, [file, CAT, CAT], { SLUICE_URL: proxy.url });
    expect(code).toBe(1);
    expect(stderr).toMatch(/^.*cat\.jpg: overloaded: .+\n.*cat\.jpg: overloaded: .+\n$/);
    expect(proxy.asked()).toBe(2);
  });

  it.skipIf(!isThere)('goes on to the next picture after a page of a proxy, with an error or without', async () => {
    await using proxy = await saying([PAGE, LOGIN]);
    const { code, stdout, stderr } = await example(program, [file, CAT, CAT], { SLUICE_URL: proxy.url });
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/^.*cat\.jpg: unknown: .+\n.*cat\.jpg: unknown: .+\n$/);
    expect(proxy.asked()).toBe(2);
  });

  it.skipIf(!isThere)('says a line a picture where there is no gateway, or it breaks off', async () => {
    await using broken = await saying([{ status: 0, body: null }]);
    for (const SLUICE_URL of ['http://localhost:1', broken.url]) {
      const { code, stdout, stderr } = await example(program, [file, CAT, CAT], { SLUICE_URL });
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
      expect(stderr).toMatch(/^.*cat\.jpg: no answer from .+\n.*cat\.jpg: no answer from .+\n$/);
    }
  });
});

describe.skipIf(!hasPython)('the function of Python', () => {
  const call = (ask: string, added?: NodeJS.ProcessEnv) => {
    const program = `import json, sys; sys.path.insert(0, sys.argv[1]); from classify import *
print(json.dumps(${ask}))`;
    return example('python3', ['-c', program, EXAMPLES, CAT], added);
  };

  it('takes True and False', async () => {
    const asked = ['True', 'False'].map((explain) =>
      call(`classify(open(sys.argv[2], "rb").read(), explain=${explain})`),
    );
    const steps = (await Promise.all(asked)).map(({ stdout }) => Answer.parse(JSON.parse(stdout)).route.steps);
    expect(steps).toEqual([expect.any(Array), undefined]);
  });

  it('tries again after a second where Retry-After is a date, or missing', async () => {
    const date = { 'Retry-After': 'Wed, 25 Nov 2026 12:00:00 GMT' };
    await using proxy = await saying([{ ...PAGE, status: 503, headers: date }, refusal('overloaded', 429), LOGIN]);
    const { stderr } = await call('classify(b"x")', { SLUICE_URL: proxy.url });
    expect(stderr).toContain('Problem: unknown: HTTP 200, not from a gateway');
    expect(proxy.asked()).toBe(3);
  });
});

describe('the package as it is published', () => {
  const check = (args: readonly string[]) =>
    run(
      `${ROOT}node_modules/.bin/tsc`,
      ['--noEmit', '--strict', '--skipLibCheck', 'false', '--module', 'nodenext', '--target', 'es2022', ...args],
      { cwd: user },
    ).catch(({ stdout }: { stdout: string }) => ({ stdout }));

  it('has types of the client that need neither zod nor anything else, in Node and in a browser', async () => {
    const types = ['--lib', 'es2023', '--typeRoots', `${ROOT}node_modules/@types`, '--types', 'node'];
    expect((await check([...types, 'classify.ts'])).stdout).toBe('');
    await writeFile(
      join(user, 'page.ts'),
      `import { type Classification, SluiceClient } from 'sluice/client';
       export const ask = (file: File): Promise<Classification> => new SluiceClient({ baseUrl: '/' }).classify(file);`,
    );
    expect((await check(['--lib', 'es2023,dom', '--types', '', 'page.ts'])).stdout).toBe('');
    await writeFile(join(user, 'wrong.ts'), `import { SluiceClient } from 'sluice/client'; new SluiceClient({});`);
    expect((await check(['--lib', 'es2023,dom', '--types', '', 'wrong.ts'])).stdout).toContain('baseUrl');
    await rm(join(user, 'wrong.ts'));
  });

  it('imports nothing but its own files', async () => {
    const where = join(user, 'node_modules/sluice/dist/client');
    const { stdout } = await run('grep', [
      '-rhE',
      '--include=*.js',
      '--include=*.d.ts',
      "^(import|export|\\}).* from '",
      where,
    ]);
    const lines = stdout.split('\n').filter((line) => line !== '');
    expect(lines.length).toBeGreaterThan(3);
    expect(lines.filter((line) => !line.includes(" from './"))).toEqual([]);
  });
});
