/** What one picture costs when nothing else is there: by the size of its source, and by how deep it goes. */

import type { Asked, Asker } from '../support/asker.js';
import type { GatewayProcess } from '../support/gateway.js';
import { cpuSeconds } from '../support/machine.js';
import { spread } from '../support/stats.js';

/** However long they take. */
const LEAST_IMAGES = 5;

/** Means are of processor time, medians of what a caller sees. */
export interface SingleRun {
  readonly images: number;
  readonly decodeMs: number;
  readonly inferenceMs: number;
  /** By the gateway, from the last byte of the picture. */
  readonly totalMs: number;
  readonly callerMs: number;
  readonly laneCpuMs: number;
  readonly gatewayCpuMs: number;
  readonly macs: number;
}

/** One after the other for a while. */
export async function measureSingle(
  gateway: GatewayProcess,
  asker: Asker,
  path: string,
  pictures: readonly Uint8Array[],
  seconds: number,
): Promise<SingleRun> {
  await asker.ask(path, pictures[0]!);
  const cpu = () => gateway.lanePids.reduce((sum, pid) => sum + cpuSeconds(pid), 0);
  const [lanesBefore, gatewayBefore] = [cpu(), cpuSeconds(gateway.pid)];
  const until = performance.now() + seconds * 1000;
  const asked: Asked[] = [];
  while (asked.length < LEAST_IMAGES || performance.now() < until)
    asked.push(await asker.ask(path, pictures[asked.length % pictures.length]!));
  const [lanes, own] = [cpu() - lanesBefore, cpuSeconds(gateway.pid) - gatewayBefore];
  const median = (value: (one: Asked) => number) => spread(asked.map(value)).median;
  return {
    images: asked.length,
    decodeMs: median(({ answer }) => answer.cost.decode_ms),
    inferenceMs: median(({ answer }) => answer.cost.inference_ms),
    totalMs: median(({ answer }) => answer.cost.total_ms),
    callerMs: median(({ ms }) => ms),
    laneCpuMs: (lanes * 1000) / asked.length,
    gatewayCpuMs: (own * 1000) / asked.length,
    macs: median(({ answer }) => answer.cost.macs),
  };
}

/** Over the rounds. */
export function singleSummary(runs: readonly SingleRun[]) {
  const of = (key: keyof SingleRun) => spread(runs.map((run) => run[key]));
  return {
    decode_ms: of('decodeMs'),
    inference_ms: of('inferenceMs'),
    total_ms: of('totalMs'),
    caller_ms: of('callerMs'),
    lane_cpu_ms: of('laneCpuMs'),
    gateway_cpu_ms: of('gatewayCpuMs'),
    macs: runs[0]!.macs,
  };
}
