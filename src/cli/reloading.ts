/** What makes `sluice serve` read its models and policies again: SIGHUP, and changes of their files. */

import type { Configuration } from '../gateway/configuration.js';
import type { Gateway } from '../gateway/gateway.js';
import type { ModelStore } from '../gateway/model-store.js';
import { Reloader, type ReloadReport, shownError } from '../gateway/reload.js';
import { FolderWatch } from '../gateway/watch.js';
import type { ShownReload } from '../http/catalogue.js';
import type { Logger } from '../telemetry/log.js';
import type { Metrics } from '../telemetry/metrics.js';
import type { GatewayFlags } from './options.js';

export interface Reloading {
  /** As GET /v1/policies shows it. */
  last(): ShownReload | undefined;
  close(): Promise<void>;
}

export interface ReloadingDeps {
  readonly gateway: Gateway;
  readonly store: ModelStore;
  /** What the gateway was started with. */
  readonly started: Configuration;
  readonly metrics: Metrics | undefined;
  readonly log: Logger;
}

export function startReloading(flags: GatewayFlags & { watch: boolean }, deps: ReloadingDeps): Reloading {
  const { gateway, store, started, metrics, log } = deps;
  const reloader = new Reloader(gateway, flags, store, started, {
    reloaded: (report) => {
      metrics?.reloaded(report);
      logReload(log, report, gateway);
    },
    retired: () => log.info('the lanes of the models before have ended'),
  });
  const onHangup = () => {
    log.info('SIGHUP: reads models, policies, keys and certificate again');
    void reloader.reload({ models: true, policies: true, again: true });
  };
  process.on('SIGHUP', onHangup);
  const watches = flags.watch
    ? (['models', 'policies'] as const).map(
        (what) =>
          new FolderWatch(flags[what], {
            changed: () => void reloader.reload({ [what]: true }),
            failed: ({ message }) => log.warn({ folder: flags[what], reason: message }, 'cannot watch: send SIGHUP'),
          }),
      )
    : [];
  return {
    last: () => {
      if (reloader.last === undefined) return undefined;
      const { at, result, errors } = reloader.last;
      return { at, result, errors: errors.map((error) => shownError(error, flags)) };
    },
    close: async () => {
      reloader.close();
      process.off('SIGHUP', onHangup);
      await Promise.all(watches.map((watch) => watch.close()));
    },
  };
}

function logReload(log: Logger, { result, errors }: ReloadReport, gateway: Gateway): void {
  if (result === 'accepted') {
    const policies = Object.fromEntries(gateway.policies.map(({ name, version }) => [name, version]));
    log.info({ cascades: gateway.cascades.map(({ name }) => name), policies }, 'reloaded');
    return;
  }
  for (const { file, key, reason } of errors)
    log.error({ file, key, reason }, 'reload refused: what was served still is');
}
