/** The file of API keys (`--keys`): who may call, how much, and with what. It holds hashes only. */

import { z } from 'zod';
import { readYaml } from '../config-file.js';
import { ConfigError } from '../errors.js';
import { PRIORITIES, USUAL_PRIORITY } from '../priority.js';

/** A key is compared with each of them. */
const MOST_KEYS = 1000;
const names = z
  .array(z.string().min(1), { error: 'allowed: a list of names' })
  .min(1, { error: 'allowed: a list with at least one name; leave it out to allow all' });

const Key = z
  .strictObject({
    name: z
      .string()
      .regex(/^[\w.-]{1,64}$/, { error: 'allowed: 1 to 64 letters, digits, ".", "_" and "-"' })
      .describe('who calls: for logs, never the key itself'),
    sha256: z
      .string()
      .regex(/^[0-9a-f]{64}$/i, { error: 'allowed: 64 hexadecimal digits, as `sluice key` prints' })
      .transform((hash) => hash.toLowerCase())
      .describe('SHA-256 of the key'),
    rate: z
      .number()
      .gt(0)
      .max(1_000_000)
      .optional()
      .describe('requests a second, each picture of one counts; without: no limit'),
    burst: z.int().min(1).max(1_000_000).optional().describe('requests at once; default: those of one second'),
    concurrency: z.int().min(1).max(1_000_000).optional().describe('requests at a time; without: no limit'),
    priority: z.enum(PRIORITIES).default(USUAL_PRIORITY).describe('batch: all of its requests are batch'),
    policies: names.optional().describe('that it may use; without: all'),
    cascades: names.optional().describe('that it may use; without: all'),
    policy: z.string().min(1).optional().describe('for requests that name none'),
    cascade: z.string().min(1).optional().describe('for requests that name none'),
  })
  .superRefine(({ burst, rate, policy, policies, cascade, cascades }, context) => {
    const wrong = (key: string, input: unknown, message: string) =>
      context.addIssue({ code: 'custom', path: [key], input, message });
    if (burst !== undefined && rate === undefined) wrong('burst', burst, 'a burst needs a rate');
    if (policy !== undefined && policies?.includes(policy) === false)
      wrong('policy', policy, 'allowed: one of its policies');
    if (cascade !== undefined && cascades?.includes(cascade) === false)
      wrong('cascade', cascade, 'allowed: one of its cascades');
  });

const KeysFile = z.strictObject({ keys: z.array(Key).max(MOST_KEYS) });

export type ApiKey = z.output<typeof Key>;

/** @throws ConfigError for the first thing that is wrong, without the value where that may be a key */
export async function readKeys(file: string): Promise<readonly ApiKey[]> {
  const { keys } = await readYaml(KeysFile, file).catch((error: unknown) => {
    throw error instanceof ConfigError ? withoutSecrets(error) : error;
  });
  for (const what of ['name', 'sha256'] as const) {
    const at = keys.findIndex((key, index) => keys.findIndex((each) => each[what] === key[what]) < index);
    if (at < 0) continue;
    const first = keys.findIndex((each) => each[what] === keys[at]![what]);
    throw new ConfigError(file, `keys[${at}].${what}`, `the same as keys[${first}].${what}; allowed: each only once`);
  }
  return keys;
}

/** Settings whose values are no secrets, wherever they are found. */
const SHOWN = /^keys\[\d+\]\.(name|rate|burst|concurrency|priority|policies|cascades|policy|cascade)\b/;
/** Settings and most of their values are shorter: this may be a key in the wrong place. */
const LONG = /"[^";]{16,}?("|(?=; ))/g;

/** People put keys where hashes belong, and an error ends in a log. */
function withoutSecrets({ file, key, reason }: ConfigError): ConfigError {
  if (SHOWN.test(key)) return new ConfigError(file, key, reason.replaceAll(LONG, '(not shown)'));
  if (reason.startsWith('not valid YAML')) {
    const place = /at line \d+, column \d+/.exec(reason)?.[0];
    return new ConfigError(file, key, `not valid YAML${place === undefined ? '' : ` ${place}`}`);
  }
  const hidden = reason.replace(/^found .*?; (?=[^;]*$)/s, 'found a value that is not shown; ');
  return new ConfigError(file, key.length > 60 ? '' : key, hidden.replaceAll(LONG, '(not shown)'));
}

/** Names in the file that nothing has: a key that may use only those may use nothing. */
export function unknownNames(
  keys: readonly ApiKey[],
  known: { readonly policies: readonly string[]; readonly cascades: readonly string[] },
): readonly { readonly key: string; readonly setting: 'policies' | 'cascades'; readonly name: string }[] {
  return keys.flatMap((key) =>
    (['policies', 'cascades'] as const).flatMap((setting) => {
      const single = setting === 'policies' ? key.policy : key.cascade;
      const all = new Set([...(key[setting] ?? []), ...(single === undefined ? [] : [single])]);
      return [...all]
        .filter((name) => !known[setting].includes(name))
        .map((name) => ({ key: key.name, setting, name }));
    }),
  );
}
