import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KeyRing, sha256 } from '../../src/http/key-ring.js';
import { type ApiKey, readKeys, unknownNames } from '../../src/http/keys-file.js';
import { configErrorOf } from '../support/config-error.js';

const HASH = sha256('sluice_one-of-the-keys').toString('hex');
const OTHER = sha256('sluice_another-of-the-keys').toString('hex');
const SECRET = 'sluice_this-is-a-key-in-the-wrong-place';

let folder: string;
let file: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-keys-'));
  file = join(folder, 'keys.yaml');
});
afterAll(() => rm(folder, { recursive: true }));
const read = async (text: string) => {
  await writeFile(file, text);
  return readKeys(file);
};

describe('the file of keys', () => {
  it('is read with what it leaves out', async () => {
    const keys = await read(`keys:
  - { name: app, sha256: ${HASH.toUpperCase()}, rate: 0.5, burst: 3, policies: [fast, full], policy: fast }
  - { name: nightly, sha256: ${OTHER}, priority: batch, concurrency: 4, cascades: [cifar10] }
`);
    expect(keys).toEqual([
      {
        name: 'app',
        sha256: HASH,
        rate: 0.5,
        burst: 3,
        priority: 'interactive',
        policies: ['fast', 'full'],
        policy: 'fast',
      },
      { name: 'nightly', sha256: OTHER, priority: 'batch', concurrency: 4, cascades: ['cifar10'] },
    ]);
    expect(await read('keys: []')).toEqual([]);
  });

  const one = (more: string) => `keys:\n  - { name: a, sha256: ${HASH}${more} }`;
  it.each([
    ['a rate of nothing', one(', rate: 0'), 'keys[0].rate', 'found 0; expected number to be >0'],
    ['a burst without a rate', one(', burst: 3'), 'keys[0].burst', 'found 3; a burst needs a rate'],
    [
      'a priority that is none',
      one(', priority: high'),
      'keys[0].priority',
      'found "high"; expected one of "interactive"|"batch"',
    ],
    ['no policies', one(', policies: []'), 'keys[0].policies', 'found []; allowed: a list with at least one name'],
    [
      'a default that it may not use',
      one(', policies: [a], policy: b'),
      'keys[0].policy',
      'found "b"; allowed: one of its',
    ],
    ['a misspelt setting', one(', rat: 3'), 'keys[0]', 'unknown key "rat"; allowed: name, sha256, rate'],
    ['a name with a space', `keys: [{ name: a b, sha256: ${HASH} }]`, 'keys[0].name', 'found "a b"; allowed: 1 to 64'],
    ['a name twice', `${one('')}\n  - { name: a, sha256: ${OTHER} }`, 'keys[1].name', 'the same as keys[0].name'],
    ['a key twice', `${one('')}\n  - { name: b, sha256: ${HASH} }`, 'keys[1].sha256', 'the same as keys[0].sha256'],
  ])('with %s is refused: file, key, value, what is allowed', async (_, text, key, reason) => {
    const error = await configErrorOf(() => read(text));
    expect(error).toMatchObject({ file, key });
    expect(error.reason).toContain(reason);
  });

  it.each([
    ['in place of its hash', `keys:\n  - { name: a, sha256: ${SECRET} }`],
    ['in place of a setting', `keys:\n  - { name: a, sha256: ${HASH}, ${SECRET}: 1 }`],
    ['in place of an entry', `keys: [${SECRET}]`],
    ['in place of the list', `keys: { ${SECRET}: { rate: 1 } }`],
    ['in place of all', SECRET],
    ['at the top', `${SECRET}: 1`],
    ['as an alias', `keys: [ *${SECRET} ]`],
    ['in broken YAML', `keys: [ "${SECRET}\n`],
    ['as a name of a name', `keys:\n  - { name: { ${SECRET}: 1 }, sha256: ${HASH} }`],
  ])('does not show a key that stands %s', async (_, text) => {
    const { message } = await configErrorOf(() => read(text));
    expect(message).toContain(file);
    expect(message).not.toContain('wrong-place');
  });

  it('that is not there is an error', async () => {
    expect((await configErrorOf(() => readKeys(join(folder, 'none.yaml')))).reason).toBe('cannot be read: ENOENT');
  });

  it('is held against what is served: a name that nothing has is told', async () => {
    const keys = await read(one(', policies: [fast, fats], policy: fast, cascade: dogs'));
    expect(unknownNames(keys, { policies: ['fast'], cascades: ['cifar10'] })).toEqual([
      { key: 'a', setting: 'policies', name: 'fats' },
      { key: 'a', setting: 'cascades', name: 'dogs' },
    ]);
  });
});

describe('a ring of keys', () => {
  const key = (name: string, secret: string, more: Partial<ApiKey> = {}): ApiKey => ({
    name,
    sha256: sha256(secret).toString('hex'),
    priority: 'interactive',
    ...more,
  });
  const [A, B] = ['sluice_the-first-key-of-all', 'sluice_the-second-key-of-all'];

  it('finds each by its key, and none by a wrong one, or one that is too short to be safe', () => {
    const ring = new KeyRing();
    ring.replace([key('a', A), key('b', B), key('short', 'sesame')]);
    expect([A, B, 'sesame', '', `${A}x`].map((given) => ring.find(given)?.key.name)).toEqual([
      'a',
      'b',
      ...[0, 0, 0].map(() => undefined),
    ]);
  });

  it('keeps what a caller has taken when it is replaced, unless its rate is another', () => {
    const ring = new KeyRing();
    ring.replace([key('a', A, { rate: 1 })]);
    const before = ring.find(A)!;
    before.buckets!.take('a', 0);
    before.running.count = 2;
    ring.replace([key('a', A, { rate: 1, policies: ['fast'] }), key('b', B)]);
    expect(ring.find(A)!.buckets!.take('a', 0)).toBe(1000);
    expect(ring.find(A)!.running.count).toBe(2);
    ring.replace([key('a', A, { rate: 5 })]);
    expect(ring.find(A)!.buckets!.take('a', 0)).toBe(0);
    expect(ring.find(B)).toBeUndefined();
  });
});
