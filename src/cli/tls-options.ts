/** Flags of `sluice serve` about TLS, and the certificate's renewal: on SIGHUP, and when its files change. */

import { dirname } from 'node:path';
import { type Command, Option } from 'commander';
import { ConfigError } from '../errors.js';
import { FolderWatch } from '../gateway/watch.js';
import type { HttpServer } from '../http/server.js';
import { type LoadedTls, loadTls, type TlsFiles } from '../http/tls.js';
import type { Logger } from '../telemetry/log.js';
import type { Metrics } from '../telemetry/metrics.js';
import { UsageError } from './fail.js';
import { yesOrNo } from './options.js';

export interface TlsFlags {
  tlsCert?: string;
  tlsKey?: string;
  tlsClientCa?: string;
  metricsTls: boolean;
}

export function withTls(command: Command): Command {
  return command
    .addOption(
      new Option('--tls-cert <file>', 'HTTPS with this certificate and its chain, PEM')
        .env('SLUICE_TLS_CERT')
        .default(undefined, 'HTTP'),
    )
    .addOption(new Option('--tls-key <file>', 'key of --tls-cert, PEM').env('SLUICE_TLS_KEY'))
    .addOption(
      new Option('--tls-client-ca <file>', 'callers have to show a certificate that one of these signed, PEM').env(
        'SLUICE_TLS_CLIENT_CA',
      ),
    )
    .addOption(
      new Option('--metrics-tls [yes]', 'HTTPS on --metrics-port, too')
        .env('SLUICE_METRICS_TLS')
        .default(false, 'no')
        .argParser(yesOrNo),
    );
}

/**
 * Undefined without --tls-cert.
 * @throws UsageError for one file without the other, ConfigError for a bad file
 */
export async function openTls(flags: TlsFlags): Promise<Certificate | undefined> {
  const { tlsCert: cert, tlsKey: key, tlsClientCa: clientCa, metricsTls } = flags;
  if (cert !== undefined && key !== undefined) {
    const files = { cert, key, clientCa };
    return new Certificate(files, await loadTls(files));
  }
  if (cert !== undefined || key !== undefined) throw new UsageError('--tls-cert and --tls-key go together');
  if (clientCa !== undefined || metricsTls)
    throw new UsageError('--tls-client-ca and --metrics-tls need --tls-cert and --tls-key');
  return undefined;
}

export interface RenewalDeps {
  /** Those that speak TLS with it. */
  readonly servers: readonly HttpServer[];
  readonly metrics: Metrics | undefined;
  readonly log: Logger;
}

export class Certificate {
  readonly #files: TlsFiles;
  #loaded: LoadedTls;
  #reading: Promise<void> = Promise.resolve();
  #refused = '';

  constructor(files: TlsFiles, loaded: LoadedTls) {
    this.#files = files;
    this.#loaded = loaded;
  }

  get material(): LoadedTls['material'] {
    return this.#loaded.material;
  }

  /** Renews the servers' certificate from now on. A bad pair changes nothing: it is logged, and the last good one goes on. */
  follow(deps: RenewalDeps): AsyncDisposable {
    deps.metrics?.certificate(this.#loaded.notAfter);
    const again = () => {
      this.#reading = this.#reading.then(() => this.#renew(deps));
    };
    process.on('SIGHUP', again);
    const { cert, key, clientCa } = this.#files;
    const folders = new Set([cert, key, ...(clientCa === undefined ? [] : [clientCa])].map((file) => dirname(file)));
    const failed = (folder: string, { message }: Error) =>
      deps.log.warn({ folder, reason: message }, 'cannot watch the certificate: send SIGHUP');
    const watches = [...folders].map(
      (folder) => new FolderWatch(folder, { changed: again, failed: (error) => failed(folder, error) }),
    );
    return {
      [Symbol.asyncDispose]: async () => {
        process.off('SIGHUP', again);
        await Promise.all(watches.map((each) => each.close()));
      },
    };
  }

  async #renew({ servers, metrics, log }: RenewalDeps): Promise<void> {
    try {
      const next = await loadTls(this.#files);
      this.#refused = '';
      metrics?.certificateRefused(false);
      if (isSame(next, this.#loaded)) return;
      for (const server of servers) server.renewTls(next.material);
      this.#loaded = next;
      metrics?.certificate(next.notAfter);
      log.info({ file: this.#files.cert, validTo: new Date(next.notAfter).toISOString() }, 'certificate renewed');
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      // Two files are written one after the other: each half-way state is looked at, but said once.
      const { file, reason, message } = error;
      metrics?.certificateRefused(true);
      if (message !== this.#refused) log.error({ file, reason }, 'certificate refused: the last good one goes on');
      this.#refused = message;
    }
  }
}

function isSame({ material: a }: LoadedTls, { material: b }: LoadedTls): boolean {
  return a.cert.equals(b.cert) && a.key.equals(b.key) && (a.ca === undefined || b.ca?.equals(a.ca) === true);
}
