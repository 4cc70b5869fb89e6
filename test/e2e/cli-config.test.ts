import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { linesOf, printed, refusal, sluice } from '../support/cli.js';

describe('sluice serve --config', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-config-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  const write = async (name: string, text: string) => {
    const file = join(folder, name);
    await writeFile(file, text);
    return file;
  };
  const KEY = 'a'.repeat(64);

  it('takes a flag before its variable, that before the file, the file before the default; and prints what it takes', async () => {
    const file = await write(
      'all.yaml',
      `port: 1111\nqueue: 5\npolicy: fast\nconsole: false\nwatch: false\napi_key_sha256: [${KEY}]\n`,
    );
    const env = { SLUICE_PORT: '2222', SLUICE_QUEUE: '7', SLUICE_CONFIG: file };
    const text = printed(await sluice(['serve', '--port', '3333', '--watch', '--print-config'], { env }));
    const lines = linesOf(text);
    expect(lines).toEqual(
      expect.arrayContaining([
        'port: 3333 # flag --port',
        'queue: 7 # environment SLUICE_QUEUE',
        `policy: "fast" # file ${file}`,
        `console: false # file ${file}`,
        'watch: true # flag --watch',
        'max_bytes: 20000000 # default',
        `# api_key_sha256: 1 hidden # file ${file}`,
      ]),
    );
    expect(text).not.toContain(KEY);
    // It is a file as well: all of it holds again.
    const again = await write('again.yaml', text);
    const second = printed(await sluice(['serve', '--config', again, '--print-config']));
    expect(parse(second)).toEqual(parse(text));
    expect(second).toContain(`port: 3333 # file ${again}`);
  });

  it('names file, key, value and what is allowed, and starts nothing', async () => {
    const file = await write('wrong.yaml', 'queue: 0\n');
    const sentence = refusal(await sluice(['serve', '--config', file]), 1);
    expect(sentence).toBe(`sluice: ${file}: queue: found 0; allowed: a whole number from 1 to 1000000`);
    const missing = join(folder, 'missing.yaml');
    expect(refusal(await sluice(['serve'], { env: { SLUICE_CONFIG: missing } }), 1)).toContain(
      `${missing}: cannot be read: ENOENT`,
    );
  });
});
