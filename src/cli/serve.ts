/** sluice serve */

import { fileURLToPath } from 'node:url';
import { type Command, Option } from 'commander';
import { type ConfigError, RequestError } from '../errors.js';
import { candidatesIn, readConfiguration } from '../gateway/configuration.js';
import { startAhead } from '../gateway/lane-process.js';
import { ModelStore } from '../gateway/model-store.js';
import { createApp } from '../http/app.js';
import { readConsole } from '../http/console.js';
import { HttpServer } from '../http/server.js';
import { createLog, LOG_LEVELS } from '../telemetry/log.js';
import { openTracing } from '../telemetry/tracing.js';
import { type CallerFlags, openAuth, watchKeys, withCallers } from './caller-options.js';
import { collectSeldom } from './collector.js';
import { type ConfigFlags, effectiveConfig, withConfig } from './config-option.js';
import { announce, refuseLostCascade, refuseLostPolicy, refuseUnknown } from './defaults.js';
import { print } from './fail.js';
import { confinement, type LaneFlags, withLanes } from './lane-options.js';
import { type MetricsFlags, metricsServer, openMetrics, withMetrics } from './metrics-options.js';
import { gatewayOf } from './open.js';
import { withinOpenFiles } from './open-files.js';
import { type GatewayFlags, whole, withGateway, yesOrNo } from './options.js';
import { type Reloading, startReloading } from './reloading.js';
import { unknownVariables } from './settings.js';
import { type SocketFlags, socketLimits, withSockets } from './socket-options.js';
import { drain, stopOnSignal } from './stopping.js';
import { openTls, type TlsFlags, withTls } from './tls-options.js';

interface ServeFlags extends GatewayFlags, MetricsFlags, CallerFlags, SocketFlags, TlsFlags, LaneFlags, ConfigFlags {
  host: string;
  port: number;
  cascade?: string;
  policy: string;
  queue: number;
  queueBytes: number;
  maxBytes: number;
  drainDelayMs: number;
  drainMs: number;
  watch: boolean;
  console: boolean;
  logLevel: (typeof LOG_LEVELS)[number];
}

/** Built beside this folder. */
const CONSOLE = fileURLToPath(new URL('../console/', import.meta.url));

export function serveCommand(program: Command): void {
  const command = program.command('serve').description('serve HTTP until SIGTERM');
  withLanes(withTls(withSockets(withCallers(withMetrics(withGateway(withConfig(command)))))))
    .addOption(new Option('--host <address>', 'address to listen on').env('SLUICE_HOST').default('0.0.0.0'))
    .addOption(
      new Option('--port <n>', 'port to listen on; 0: any').env('SLUICE_PORT').default(8080).argParser(whole(0, 65535)),
    )
    .addOption(
      new Option('--cascade <name>', 'cascade for requests that name none')
        .env('SLUICE_CASCADE')
        .default(undefined, 'the one whose cascade.yaml says so'),
    )
    .addOption(
      new Option('--policy <name>', 'policy for requests that name none').env('SLUICE_POLICY').default('balanced'),
    )
    .addOption(
      new Option('--queue <n>', 'requests that may wait for a lane; one more is answered 503')
        .env('SLUICE_QUEUE')
        .default(1000)
        .argParser(whole(1, 1_000_000)),
    )
    .addOption(
      new Option(
        '--queue-bytes <n>',
        'bytes of all pictures that are held, and as many of those on their way; more are answered 503',
      )
        .env('SLUICE_QUEUE_BYTES')
        .default(1_000_000_000)
        .argParser(whole(1, 1_000_000_000_000)),
    )
    .addOption(
      new Option('--max-bytes <n>', 'largest picture, bytes')
        .env('SLUICE_MAX_BYTES')
        .default(20_000_000)
        .argParser(whole(1, 1_000_000_000)),
    )
    .addOption(
      new Option(
        '--drain-delay-ms <n>',
        'after SIGTERM, /readyz says no and new requests are still answered for so long, milliseconds',
      )
        .env('SLUICE_DRAIN_DELAY_MS')
        .default(0)
        .argParser(whole(0, 3_600_000)),
    )
    .addOption(
      new Option('--drain-ms <n>', 'after SIGTERM and the delay, what runs may finish for so long, milliseconds')
        .env('SLUICE_DRAIN_MS')
        .default(20_000)
        .argParser(whole(0, 3_600_000)),
    )
    .addOption(
      new Option('--log-level <level>', 'what is logged').env('SLUICE_LOG_LEVEL').choices(LOG_LEVELS).default('info'),
    )
    .addOption(
      new Option(
        '--watch [yes]',
        'reload models and policies when their files change; SIGHUP does so always, and keys and certificate are followed anyway',
      )
        .env('SLUICE_WATCH')
        .default(true, 'yes')
        .argParser(yesOrNo),
    )
    .addOption(new Option('--no-watch', 'models and policies on SIGHUP only'))
    .addOption(
      new Option('--console [yes]', 'a page for people at /: try pictures, see traffic and policies')
        .env('SLUICE_CONSOLE')
        .default(true, 'yes')
        .argParser(yesOrNo),
    )
    .addOption(new Option('--no-console', 'JSON at / for everybody'))
    .action(serve);
}

async function serve(flags: ServeFlags, command: Command): Promise<void> {
  if (flags.printConfig) return print(effectiveConfig(command));
  collectSeldom();
  const confined = confinement(flags);
  startAhead(flags.lanes, confined);
  const log = createLog(flags.logLevel);
  const variables = unknownVariables(command, process.env);
  if (variables.length > 0) log.warn({ variables }, 'these variables are no settings of sluice serve');
  const certificate = await openTls(flags);
  const tls = certificate?.material;
  const metrics = await openMetrics(flags);
  const tracing = await openTracing(process.env, log);
  const console = flags.console ? await readConsole(CONSOLE) : undefined;
  const store = await ModelStore.open(flags.laneUser);
  const started = await readConfiguration(flags, store);
  // Late: keys that change from here on are read again.
  const auth = await openAuth(flags);
  const leftOut: ConfigError[] = [];
  let isWarm = false;
  const gateway = gatewayOf(
    started,
    { ...flags, steers: true, confinement: confined },
    {
      laneReady: (lane, pid) => {
        log.info({ lane, pid }, 'lane is ready');
        metrics?.laneReady(lane);
      },
      laneDied: (lane, cause) => {
        log.warn({ lane, cause }, 'lane died and is replaced');
        metrics?.laneDied(lane);
      },
      laneWorked: (lane, work) => metrics?.laneWorked(lane, work),
      laneUsed: (lane, cpuMs) => metrics?.laneUsed(lane, cpuMs),
      laneTraced: (lane, runs) => tracing?.laneTraced(lane, runs),
      moved: (move) => log.info(move, 'another operating point serves'),
      drifted: (drift) =>
        log.warn(drift, 'early answers agree with the full network less than promised: a dearer point serves'),
      audited: (audited) => metrics?.audited(audited),
      shed: (shed) => metrics?.shed(shed),
      broken: (error) => {
        log.error({ file: error.file, key: error.key, reason: error.reason }, 'left out: broken');
        // Later ones are of lanes that were started again: others serve what these could not load.
        if (isWarm) return;
        leftOut.push(error);
        metrics?.leftOut(error.file, flags);
      },
    },
  );
  const candidates = await candidatesIn(flags.models, started.models);
  refuseUnknown(command, flags, started, candidates);
  refuseLostCascade(flags, started.models.cascades, candidates, leftOut);
  metrics?.watch(gateway);
  let reloading: Reloading | undefined;
  let renewal: AsyncDisposable | undefined;
  let unwatchKeys: (() => void) | undefined;
  const { maxBytes, queueBytes: uploadBytes } = flags;
  const servers = flags.metrics && flags.metricsPort !== undefined ? 2 : 1;
  const limits = await withinOpenFiles(socketLimits(flags), { lanes: flags.lanes, servers }, log);
  const scrapes = metricsServer(metrics, gateway, log, flags, { limits, tls: flags.metricsTls ? tls : undefined });
  const metricsElsewhere = scrapes !== undefined;
  const lastReload = () => reloading?.last();
  const limited = { maxBytes, uploadBytes };
  const app = createApp({ gateway, metrics, metricsElsewhere, auth, log, tracing, console, lastReload, ...limited });
  const { host, port } = flags;
  const server = new HttpServer(app, { host, port, limits, tls, onCut: (reason) => metrics?.cut(reason) });
  metrics?.watchConnections(() => server.connections);
  // A lane in the middle of a run would see only after it that the gateway has gone.
  const killLanes = () => void gateway.close();
  const stop = stopOnSignal(async (signal) => {
    log.info({ signal }, 'asked to stop');
    unwatchKeys?.();
    const ending = [reloading?.close(), renewal?.[Symbol.asyncDispose]()];
    await Promise.all([...ending, drain({ gateway, server, log, ...flags })]);
    await scrapes?.close(0);
    await gateway.close();
    store.close();
    const isSent = (await tracing?.close()) ?? true;
    log.info('stopped');
    // What the exporter still tries would keep the process here.
    if (!isSent) process.exit();
  }, killLanes);
  // First: nothing is open yet when its port is taken.
  const metricsUrl = await scrapes?.listen();
  const url = await server.listen().catch(async (error: unknown) => {
    await scrapes?.close(0);
    throw error;
  });
  reloading = startReloading(flags, { gateway, store, started, metrics, log });
  const secured = flags.metricsTls && scrapes !== undefined ? [server, scrapes] : [server];
  renewal = certificate?.follow({ servers: secured, metrics, log });
  unwatchKeys = watchKeys(flags, { auth, gateway, metrics, log });
  log.info({ url, metricsUrl, lanes: flags.lanes }, 'listens; lanes warm up');
  const warm = gateway.start().then(() => {
    isWarm = true;
    refuseLostCascade(flags, gateway.cascades, candidates, leftOut);
    refuseLostPolicy(command, flags, gateway, leftOut);
  });
  await warm.catch(async (error: unknown) => {
    // A signal came before the lanes were warm: `stop` says the rest.
    if (error instanceof RequestError) return;
    await gateway.close();
    unwatchKeys?.();
    await reloading?.close();
    await renewal?.[Symbol.asyncDispose]();
    await Promise.all([server.close(0), scrapes?.close(0)]);
    throw error;
  });
  if (gateway.ready) announce(gateway, flags, url, log);
  await stop;
}
