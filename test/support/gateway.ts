/** One way to build a test gateway: the package's own cifar10 and policies, real lanes, the app in front. */

import type { RequestListener } from 'node:http';
import { fileURLToPath } from 'node:url';
import { loadRepository } from '../../src/cascade/loader.js';
import { versionOf } from '../../src/cascade/version.js';
import { Gateway, type GatewayEvents, type GatewayOptions } from '../../src/gateway/gateway.js';
import { type AppDeps, createApp } from '../../src/http/app.js';
import { Auth, type AuthOptions } from '../../src/http/auth.js';
import type { Facts } from '../../src/lane/messages.js';
import { loadPolicies } from '../../src/policy/loader.js';
import { createLog } from '../../src/telemetry/log.js';
import { Metrics } from '../../src/telemetry/metrics.js';

export const ROOT = fileURLToPath(new URL('../../', import.meta.url));
export const MODELS = `${ROOT}models`;
/** Graphs of cifar10 before they were cut. */
export const GRAPHS = `${ROOT}test/graphs`;
export const POLICIES = `${ROOT}policies`;

export interface TestGateway {
  readonly gateway: Gateway;
  readonly deps: AppDeps & { readonly metrics: Metrics };
  readonly app: RequestListener;
  readonly deaths: string[];
}

/** What the first gateway of this process measured of the package's cifar10: those after it need not measure it again. */
let measured: Facts | undefined;

export async function startGateway(
  options: Partial<GatewayOptions> = {},
  auth: AuthOptions = { keyHashes: [], ratePerSecond: 0 },
  maxBytes = 20_000_000,
): Promise<TestGateway> {
  const { cascades } = await loadRepository(MODELS);
  // The small cascade: its lanes are warm soon.
  const cifar10 = cascades.find(({ name }) => name === 'cifar10')!;
  const [served = cifar10, ...others] = options.cascades ?? [];
  const isUsual = others.length === 0 && (await versionOf(served)) === (await versionOf(cifar10));
  const { policies } = await loadPolicies(POLICIES);
  const metrics = new Metrics();
  const deaths: string[] = [];
  const events: GatewayEvents = {
    laneReady: (lane) => metrics.laneReady(lane),
    laneWorked: (lane, work) => metrics.laneWorked(lane, work),
    laneUsed: (lane, cpuMs) => metrics.laneUsed(lane, cpuMs),
    audited: (audited) => metrics.audited(audited),
    shed: (shed) => metrics.shed(shed),
    laneDied: (lane, cause) => {
      deaths.push(cause);
      metrics.laneDied(lane);
    },
  };
  const gateway = new Gateway(
    {
      cascades: [cifar10],
      known: isUsual ? measured : undefined,
      policies,
      lanes: 2,
      threads: 1,
      maxPixels: 50_000_000,
      queue: 1000,
      queueBytes: 1_000_000_000,
      defaultCascade: 'cifar10',
      defaultPolicy: 'balanced',
      ...options,
    },
    events,
  );
  metrics.watch(gateway);
  const deps = { gateway, metrics, auth: new Auth(auth), log: createLog('silent'), maxBytes };
  await gateway.start();
  if (isUsual) measured ??= gateway.measured;
  return { gateway, deps, app: createApp(deps), deaths };
}
