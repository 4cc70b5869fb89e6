import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sluice } from '../support/cli.js';
import { ServeProcess, until } from '../support/process.js';

interface Made {
  readonly key: string;
  readonly sha256: string;
}
const makeKey = async () => JSON.parse((await sluice(['key', '--json'])).stdout) as Made;

let folder: string;
let file: string;
let gateway: ServeProcess;
let url: string;
let [first, second]: [Made, Made] = [
  { key: '', sha256: '' },
  { key: '', sha256: '' },
];
const entry = (name: string, { sha256 }: Made, more = '') => `keys: [{ name: ${name}, sha256: ${sha256}${more} }]\n`;
const statusWith = async (key: string) => (await fetch(`${url}/v1/policies`, { headers: { 'X-API-Key': key } })).status;

beforeAll(async () => {
  [first, second] = await Promise.all([makeKey(), makeKey()]);
  folder = await mkdtemp(join(tmpdir(), 'sluice-keys-'));
  file = join(folder, 'keys.yaml');
  await writeFile(file, entry('first', first));
  gateway = new ServeProcess(['--keys', file, '--no-watch', '--cascade', 'cifar10']);
  url = await gateway.url();
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

describe('sluice key', () => {
  it('makes another key each time, that is long enough', () => {
    expect(first.key).not.toBe(second.key);
    expect(first.key.length).toBeGreaterThanOrEqual(32);
    expect(first.sha256).toMatch(/^[0-9a-f]{64}$/);
  });
});

describe('sluice serve --keys', () => {
  it('opens to the keys of the file, and reads it again on SIGHUP', async () => {
    expect([await statusWith(first.key), await statusWith(second.key)]).toEqual([200, 401]);
    await writeFile(file, entry('second', second));
    gateway.signal('SIGHUP');
    await until('the other key opens', async () => (await statusWith(second.key)) === 200);
    expect(await statusWith(first.key)).toBe(401);
    expect(await gateway.said('keys reloaded')).toMatchObject({ keys: ['second'] });
  });

  it('follows the file whatever --no-watch says: a key that is taken out shall not go on working', async () => {
    await writeFile(file, entry('first', first));
    await until('the first key opens again', async () => (await statusWith(first.key)) === 200);
    expect(await statusWith(second.key)).toBe(401);
    await writeFile(file, entry('second', second));
    await until('the second does', async () => (await statusWith(second.key)) === 200);
  });

  it('keeps its keys when the file is wrong, says why, and shows no secret', async () => {
    await writeFile(file, entry('second', { key: '', sha256: second.key }));
    gateway.signal('SIGHUP');
    const error = await gateway.said('keys refused: those before still hold');
    expect(error).toMatchObject({
      file,
      key: 'keys[0].sha256',
      reason: expect.stringContaining('64 hexadecimal digits'),
    });
    expect(await statusWith(second.key)).toBe(200);
    expect(JSON.stringify(gateway.log)).not.toContain(second.key);
  });

  it('does not start with a file that is wrong', async () => {
    const wrong = join(folder, 'wrong.yaml');
    await writeFile(wrong, entry('a', first, ', rate: fast'));
    const { code, stderr } = await sluice(['serve', '--port', '0', '--keys', wrong]);
    expect(code).toBe(1);
    expect(stderr).toContain('wrong.yaml: keys[0].rate: found "fast"; expected number');
  });
});
