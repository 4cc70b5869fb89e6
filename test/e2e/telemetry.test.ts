import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ROOT } from '../support/gateway.js';

let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'sluice-home-'));
});
afterEach(() => rm(home, { recursive: true }));

/** What the runtime's telemetry would leave there: its identifier and its outbox. */
async function filesAfter(args: readonly string[]): Promise<string[]> {
  // Nothing else: the runtime is silent where it believes to be in a build or a test.
  const env = { PATH: process.env.PATH, HOME: home };
  await promisify(execFile)(process.execPath, [`${ROOT}dist/cli/main.js`, ...args], { env });
  return readdir(home);
}

describe('the home folder', () => {
  it.each([
    ['a lane', ['classify', `${ROOT}test/pictures/cat.jpg`, '--lanes', '1']],
    ['the command itself', ['inspect', 'cifar10', '--models', `${ROOT}models`]],
  ])('gets no identifier of ONNX Runtime from %s', async (_, args) => {
    expect(await filesAfter(args)).toEqual([]);
  });
});
