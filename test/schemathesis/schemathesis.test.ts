import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openApiDocument } from '../../src/http/openapi/document.js';
import { ROOT } from '../support/gateway.js';
import { FORMATS } from '../support/pictures.js';
import { pythonWith } from '../support/python.js';
import { SmallGateway } from '../support/small-gateway.js';

const HERE = `${ROOT}test/schemathesis/`;
/** Test cases of each operation, beside those at the edges of each parameter. */
const EXAMPLES = process.env.SCHEMATHESIS_EXAMPLES ?? '5';
/** More of them take longer. */
const LIMIT_MS = 600_000;

const python = await pythonWith(`${HERE}requirements.txt`);
if (python.bin === undefined) console.info(`test/schemathesis: skipped${python.missing}`);

describe.skipIf(python.bin === undefined)(`schemathesis${python.missing}`, () => {
  let gateway: SmallGateway;
  beforeAll(async () => {
    gateway = await SmallGateway.start();
    await mkdir(join(gateway.folder, 'pictures'));
    for (const [format, draw] of Object.entries(FORMATS))
      await writeFile(join(gateway.folder, 'pictures', format), await draw(40, 32));
  }, LIMIT_MS);
  afterAll(() => gateway?.[Symbol.asyncDispose]());

  it(
    'finds no 5xx and no answer that the document does not have',
    async () => {
      const { code, output } = await schemathesis(join(python.bin!, 'schemathesis'), gateway);
      expect(code, output).toBe(0);
      const { paths } = openApiDocument();
      const operations = Object.values(paths).flatMap((methods) => Object.keys(methods)).length;
      // It leaves out the one that it reads the document from.
      expect(output).toMatch(new RegExp(`Tested: +${operations - 1}\\b`));
      // It came as far as the network: noise alone would have been refused before.
      expect(await (await fetch(`${gateway.url}/metrics`)).text()).toMatch(/sluice_exits_total\{.* [1-9]/);
      expect(gateway.process.log.filter(({ msg }) => msg === 'lane died and is replaced')).toEqual([]);
    },
    LIMIT_MS,
  );
});

function schemathesis(program: string, { url, folder }: SmallGateway): Promise<{ code: number; output: string }> {
  const env = {
    ...process.env,
    SCHEMATHESIS_HOOKS: `${HERE}hooks.py`,
    SLUICE_TEST_PICTURES: join(folder, 'pictures'),
  };
  const how = ['--phases', 'examples,coverage,fuzzing', '--max-examples', EXAMPLES, '--generation-deterministic'];
  const args = ['--config-file', `${HERE}schemathesis.toml`, 'run', `${url}/openapi.json`, ...how];
  return new Promise((resolve) => {
    // In a folder of its own: it keeps what it finds where it runs.
    const options = { cwd: folder, env, maxBuffer: 64 * 1024 * 1024 };
    execFile(program, [...args, '--continue-on-failure', '--no-color'], options, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code ?? -1), output: stdout + stderr }),
    );
  });
}
