/** sluice key: makes an API key. */

import { createHash, randomBytes } from 'node:crypto';
import type { Command } from 'commander';
import { print } from './fail.js';

/** 192 bits: 32 characters. */
const BYTES = 24;

export function keyCommand(program: Command): void {
  program
    .command('key')
    .description('make a random API key, and its SHA-256 for `serve --keys`; the key is shown only here')
    .option('--json', 'print both as JSON', false)
    .action(key);
}

function key({ json }: { json: boolean }): void {
  // Its prefix says what it is where it turns up, as in a search for leaked secrets.
  const secret = `sluice_${randomBytes(BYTES).toString('base64url')}`;
  const sha256 = createHash('sha256').update(secret).digest('hex');
  if (json) print(JSON.stringify({ key: secret, sha256 }, null, 2));
  else print(`key:    ${secret}\nsha256: ${sha256}`);
}
