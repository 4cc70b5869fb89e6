/** One measurement of a gateway at saturation: throughput, delays, and which process spent how much of the processor. */

import type { Child } from './child.js';
import type { GatewayProcess, LoopDelay } from './gateway.js';
import type { LoadAnswer, LoadRequest } from './load.js';
import { cpuSeconds } from './machine.js';

export interface Saturated {
  readonly imagesPerSecond: number;
  readonly p50: number;
  readonly p99: number;
  readonly loopDelay: LoopDelay;
  /** MACs spent / MACs of the full network. */
  readonly costRatio: number;
  readonly meanBatch: number;
  /** CPU milliseconds a picture. */
  readonly cpu: { readonly gateway: number; readonly lanes: number; readonly generator: number };
  /** Wall milliseconds a picture that the lanes spent in runs of ONNX Runtime. */
  readonly runs: number;
}

/** Of load before each measurement: until then the lanes are not full. */
const WARM_SECONDS = 1;

export class Saturation {
  readonly #load: Child<LoadRequest, LoadAnswer>;
  readonly #pictures: readonly Uint8Array[];
  readonly #cascade: string;

  constructor(load: Child<LoadRequest, LoadAnswer>, pictures: readonly Uint8Array[], cascade: string) {
    this.#load = load;
    this.#pictures = pictures;
    this.#cascade = cascade;
  }

  /** @throws Error when any answer is not 200 */
  async run(gateway: GatewayProcess, policy: string, connections: number, seconds: number): Promise<Saturated> {
    const cpu = () => ({
      gateway: cpuSeconds(gateway.pid),
      lanes: gateway.lanePids.reduce((sum, pid) => sum + cpuSeconds(pid), 0),
      generator: cpuSeconds(this.#load.pid),
    });
    const path = `/v1/classify?cascade=${this.#cascade}&policy=${policy}`;
    const before = await gateway.counters();
    await gateway.loopDelay();
    const cpuBefore = cpu();
    const target = { host: '127.0.0.1', port: gateway.port, path };
    const times = { warmSeconds: Math.min(WARM_SECONDS, seconds), seconds };
    const answer = await this.#load.ask({ ...target, connections, pictures: this.#pictures, ...times });
    const cpuAfter = cpu();
    const loopDelay = await gateway.loopDelay();
    const after = await gateway.counters();
    if (answer.refused > 0) throw new Error(`${answer.refused} answers were not 200, the first: ${answer.refusal}`);
    if (answer.ok === 0) throw new Error('no answer within the measurement');
    // What was spent, was spent on those before and after the measurement, too.
    const each = (key: keyof typeof cpuBefore) => ((cpuAfter[key] - cpuBefore[key]) * 1000) / answer.all;
    return {
      imagesPerSecond: answer.ok / answer.seconds,
      p50: answer.p50,
      p99: answer.p99,
      loopDelay,
      costRatio: (after.macs - before.macs) / (after.fullMacs - before.fullMacs),
      meanBatch: (after.batchedPictures - before.batchedPictures) / (after.batches - before.batches),
      cpu: { gateway: each('gateway'), lanes: each('lanes'), generator: each('generator') },
      runs: ((after.laneBusySeconds - before.laneBusySeconds) * 1000) / answer.all,
    };
  }
}
