/** How long a gateway takes to start, what it and its lanes hold of memory then, and after some work. */

import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Child } from '../support/child.js';
import { ROOT } from '../support/gateway.js';
import type { LoadAnswer, LoadRequest } from '../support/load.js';
import { type Memory, memoryOf, memoryOfAll } from '../support/memory.js';
import { spread } from '../support/stats.js';
import { startTimed } from './timed-start.js';

export interface StartCase {
  readonly cascades: readonly string[];
  readonly lanes: number;
}

export interface StartRun extends StartCase {
  /** Node alone, and with all modules of the command line: what every start pays first. */
  readonly nodeMs: number;
  readonly versionMs: number;
  /** From the start of the process. */
  readonly listensMs: number;
  readonly firstLaneMs: number;
  readonly readyMs: number;
  readonly gateway: Memory;
  /** All of them. */
  readonly warmLanes: Memory;
  /** After the load: gateway, lanes. */
  readonly loadedGateway: Memory;
  readonly loadedLanes: Memory;
}

/** One start: its phases, its memory, a few seconds of load, its memory again. */
export async function measureStart(
  one: StartCase,
  load: Child<LoadRequest, LoadAnswer>,
  pictures: readonly Uint8Array[],
  seconds: number,
): Promise<StartRun> {
  const models = await mkdtemp(join(tmpdir(), 'sluice-scaling-'));
  for (const name of one.cascades) await symlink(join(ROOT, 'models', name), join(models, name));
  const nodeMs = timed(['-e', '']);
  const versionMs = timed([join(ROOT, 'dist/cli/main.js'), '--version']);
  const gateway = await startTimed(['--lanes', String(one.lanes), '--models', models, '--no-watch']);
  try {
    const memory = () => ({ own: memoryOf(gateway.pid), lanes: memoryOfAll(gateway.lanePids) });
    const before = memory();
    // Each lane has all cascades in use, as in a service.
    for (const name of one.cascades) {
      const path = `/v1/classify?cascade=${name}&policy=full`;
      const target = { host: '127.0.0.1', port: gateway.port, path };
      const answer = await load.ask({ ...target, connections: 16 * one.lanes, pictures, seconds });
      if (answer.refused > 0) throw new Error(`${answer.refused} answers were not 200, the first: ${answer.refusal}`);
    }
    const after = memory();
    return {
      ...one,
      nodeMs,
      versionMs,
      listensMs: gateway.listensMs,
      firstLaneMs: gateway.firstLaneMs,
      readyMs: gateway.readyMs,
      gateway: before.own,
      warmLanes: before.lanes,
      loadedGateway: after.own,
      loadedLanes: after.lanes,
    };
  } finally {
    await gateway.stop();
    await rm(models, { recursive: true });
  }
}

function timed(args: readonly string[]): number {
  const from = performance.now();
  execFileSync(process.execPath, args, { stdio: 'ignore' });
  return performance.now() - from;
}

/** Of one case over the rounds. */
export function startSummary(all: readonly StartRun[], { cascades, lanes }: StartCase) {
  const runs = all.filter((run) => run.lanes === lanes && run.cascades.join() === cascades.join());
  const of = (value: (run: StartRun) => number) => spread(runs.map(value));
  const memory = (value: (run: StartRun) => Memory, parts = 1) => ({
    resident: of((run) => value(run).residentMb / parts),
    proportional: of((run) => value(run).proportionalMb / parts),
  });
  return {
    cascades,
    lanes,
    node_ms: of(({ nodeMs }) => nodeMs),
    version_ms: of(({ versionMs }) => versionMs),
    listens_ms: of(({ listensMs }) => listensMs),
    first_lane_ms: of(({ firstLaneMs }) => firstLaneMs),
    ready_ms: of(({ readyMs }) => readyMs),
    memory_mb: {
      gateway: memory(({ gateway }) => gateway),
      each_lane: memory((run) => run.warmLanes, lanes),
      all: of((run) => run.gateway.proportionalMb + run.warmLanes.proportionalMb),
    },
    memory_after_load_mb: {
      gateway: memory(({ loadedGateway }) => loadedGateway),
      each_lane: memory(({ loadedLanes }) => loadedLanes, lanes),
      all: of((run) => run.loadedGateway.proportionalMb + run.loadedLanes.proportionalMb),
    },
  };
}
