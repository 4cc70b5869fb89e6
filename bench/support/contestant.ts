/** Who is measured side by side: something that classifies pictures as fast as it can, and whose processes are known. */

import type { Child } from './child.js';
import type { LoadAnswer, LoadRequest } from './load.js';
import type { PhotoLimitAnswer, PhotoLimitRequest } from './photo-limit.js';
import { cpuBetween, usageOf } from './processes.js';

/** Of load before each measurement. */
const WARM_SECONDS = 1.5;

/** One measurement at saturation. */
export interface Measured {
  readonly imagesPerSecond: number;
  /** Milliseconds from a request to its whole answer; undefined where nobody waits for one picture. */
  readonly p50?: number;
  readonly p95?: number;
  readonly p99?: number;
  /** Of all its processes, without the generator of the load. */
  readonly cpuSecondsPer1000: number;
  readonly memoryMb: number;
  /** Answers that were none, and the first of them. */
  readonly failed: number;
  readonly failure?: string;
}

/** How hard it is driven: what is best for each is found before the rounds. */
export interface Setting {
  readonly label: string;
  readonly connections: number;
  /** Of the bare loops only. */
  readonly batch?: number;
  readonly ahead?: boolean;
}

export interface Contestant {
  readonly name: string;
  readonly kind: 'limit' | 'sluice' | 'peer';
  /** Others are held against it: without it nothing can be told. */
  readonly isReference: boolean;
  readonly about: string;
  readonly versions: Readonly<Record<string, string>>;
  readonly settings: readonly Setting[];
  pids(): readonly number[];
  measure(setting: Setting, seconds: number): Promise<Measured>;
  /** Index of the most probable class of each picture; -1 where there was no answer. */
  top1(pictures: readonly Uint8Array[]): Promise<readonly number[]>;
  /** Before and after its turn. */
  resume(): void;
  pause(): void;
  stop(): void;
}

/** Work that was counted, and what the processes spent on it. */
export async function watched<T>(pids: () => readonly number[], images: (answer: T) => number, work: () => Promise<T>) {
  const before = usageOf(pids());
  const answer = await work();
  const after = usageOf(pids());
  return {
    answer,
    cpuSecondsPer1000: (cpuBetween(before, after) / images(answer)) * 1000,
    memoryMb: after.memoryMb,
  };
}

/** What a server and the load on it have in common. */
export interface Served {
  readonly port: number;
  readonly path: string;
  readonly contentType: string;
  readonly bodies: readonly Uint8Array[];
}

/** Closed-loop load on a server. */
export async function measureServer(
  load: Child<LoadRequest, LoadAnswer>,
  { port, path, contentType, bodies }: Served,
  pids: () => readonly number[],
  { connections }: Setting,
  seconds: number,
): Promise<Measured> {
  const times = { warmSeconds: Math.min(WARM_SECONDS, seconds), seconds };
  const request = { host: '127.0.0.1', port, path, contentType, connections, pictures: bodies, ...times };
  const { answer, ...costs } = await watched(
    pids,
    ({ all }) => all,
    () => load.ask(request),
  );
  return {
    imagesPerSecond: answer.ok / answer.seconds,
    p50: answer.p50,
    p95: answer.p95,
    p99: answer.p99,
    ...costs,
    failed: answer.refused,
    ...(answer.refusal === undefined ? {} : { failure: answer.refusal }),
  };
}

/** Two bare loops at once. */
export async function measureLimit(
  children: readonly Child<PhotoLimitRequest, PhotoLimitAnswer>[],
  cascade: string,
  { batch = 1, ahead = false }: Setting,
  seconds: number,
): Promise<Measured> {
  const { answer, ...costs } = await watched(
    () => children.map(({ pid }) => pid),
    (answers) => answers.reduce((sum, { images }) => sum + images, 0),
    () => Promise.all(children.map((child) => child.ask({ cascade, batch, ahead, seconds }))),
  );
  return {
    imagesPerSecond: answer.reduce((sum, { images, seconds }) => sum + images / seconds, 0),
    ...costs,
    failed: 0,
  };
}
