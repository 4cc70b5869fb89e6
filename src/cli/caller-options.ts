/** Flags of `sluice serve` about who calls and how much is taken, and the reloading of the keys. */

import { unwatchFile, watchFile } from 'node:fs';
import { type Command, Option } from 'commander';
import { ConfigError } from '../errors.js';
import type { Gateway } from '../gateway/gateway.js';
import { Auth } from '../http/auth.js';
import { type ApiKey, readKeys, unknownNames } from '../http/keys-file.js';
import { BATCH_SHARE } from '../priority.js';
import type { Logger } from '../telemetry/log.js';
import type { Metrics } from '../telemetry/metrics.js';
import { decimal, whole } from './options.js';
import { SecretArgumentError, secret } from './settings.js';

export interface CallerFlags {
  maxWaitMs: number;
  batchShare: number;
  rate: number;
  apiKeySha256: string[];
  keys?: string;
}

/** How often the file is looked at: by its date, through links, so that a mounted Secret that is swapped is seen too. */
const LOOK_MS = 1000;

/** Comma-separated, or given several times. */
function hashes(text: string, before: string[] = []): string[] {
  const given = text.split(',').map((hash) => hash.trim().toLowerCase());
  if (given.some((hash) => !/^[0-9a-f]{64}$/.test(hash))) {
    const allowed = '64 hexadecimal digits, as `printf %s KEY | sha256sum` prints';
    throw new SecretArgumentError('--api-key-sha256 (SLUICE_API_KEY_SHA256)', allowed);
  }
  return [...before, ...given];
}

export function withCallers(command: Command): Command {
  return command
    .addOption(
      new Option('--max-wait-ms <n>', 'a request that is expected to wait longer is answered 503, milliseconds')
        .env('SLUICE_MAX_WAIT_MS')
        .default(2000)
        .argParser(whole(1, 3_600_000)),
    )
    .addOption(
      new Option(
        '--batch-share <x>',
        'share of --queue, --queue-bytes and --max-wait-ms for requests of priority batch',
      )
        .env('SLUICE_BATCH_SHARE')
        .default(BATCH_SHARE)
        .argParser(decimal({ above: 0, most: 1 })),
    )
    .addOption(
      new Option(
        '--rate <n>',
        'requests a second, each picture of one counts, of one caller, by API key, else by address (behind a proxy: the proxy); 0: no limit',
      )
        .env('SLUICE_RATE')
        .default(0)
        .argParser(whole(0, 1_000_000)),
    )
    .addOption(
      secret(
        new Option(
          '--api-key-sha256 <hash>',
          'SHA-256 of an API key, several times or with commas; none: everybody may ask',
        )
          .env('SLUICE_API_KEY_SHA256')
          .default([], 'none')
          .argParser(hashes),
      ),
    )
    .addOption(
      new Option(
        '--keys <file>',
        'API keys with limits of their own (docs/admission.md); read again when it changes',
      ).env('SLUICE_KEYS'),
    );
}

/** @throws ConfigError when the file of keys is wrong: a gateway does not start with other locks than it was given */
export async function openAuth({ keys, apiKeySha256: keyHashes, rate: ratePerSecond }: CallerFlags): Promise<Auth> {
  return new Auth({ keyHashes, ratePerSecond, keys: keys === undefined ? undefined : await readKeys(keys) });
}

export interface KeysDeps {
  readonly auth: Auth;
  readonly gateway: Gateway;
  readonly metrics: Metrics | undefined;
  readonly log: Logger;
}

/**
 * Reads the keys again on SIGHUP, and when they change; a file that is wrong leaves those that were there.
 * @returns stops it
 */
export function watchKeys({ keys: file }: CallerFlags, deps: KeysDeps): () => void {
  if (file === undefined) return () => {};
  const { auth, gateway, metrics, log } = deps;
  let reading: Promise<void> = Promise.resolve();
  const warn = (keys: readonly ApiKey[]) => {
    const known = {
      policies: gateway.policies.map(({ name }) => name),
      cascades: gateway.cascades.map(({ name }) => name),
    };
    for (const unknown of unknownNames(keys, known)) log.warn(unknown, 'a key names what is not served');
  };
  const read = async () => {
    try {
      const keys = await readKeys(file);
      auth.setKeys(keys);
      metrics?.keysReloaded('accepted');
      log.info({ keys: keys.map(({ name }) => name) }, 'keys reloaded');
      warn(keys);
    } catch (error) {
      metrics?.keysReloaded('rejected');
      const { key, reason } = error instanceof ConfigError ? error : { key: '', reason: 'cannot be read' };
      log.error({ file, key, reason }, 'keys refused: those before still hold');
    }
  };
  // One at a time, in the order in which they were asked for.
  const again = () => {
    reading = reading.then(read);
  };
  process.on('SIGHUP', again);
  const changed = (now: { mtimeMs: number }, before: { mtimeMs: number }) => {
    if (now.mtimeMs !== before.mtimeMs) again();
  };
  watchFile(file, { interval: LOOK_MS, persistent: false }, changed);
  void gateway
    .start()
    .then(() => warn(auth.keys))
    .catch(() => {});
  return () => {
    process.off('SIGHUP', again);
    unwatchFile(file, changed);
  };
}
