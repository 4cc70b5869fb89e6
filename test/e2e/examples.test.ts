import { execFile } from 'node:child_process';
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
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

async function example(program: string, args: readonly string[]): Promise<Said> {
  const env = { ...process.env, SLUICE_URL: gateway.url };
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
