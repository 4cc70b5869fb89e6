/** Process: an open-loop load generator. Requests are sent at their times, whether or not earlier ones have been answered, as many independent callers do. */

import { arrivals, type Phase } from './arrivals.js';
import { serve } from './child.js';
import { RawConnection, requestBytes } from './raw-connection.js';

export interface OpenLoadRequest {
  readonly host: string;
  readonly port: number;
  readonly path: string;
  /** Of each request, besides its own. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Connections at the most, default 4096. */
  readonly connections?: number;
  /** Bodies, taken in turn. */
  readonly pictures: readonly Uint8Array[];
  /** Requests a second, one phase after the other; or each at its time, milliseconds since the start. */
  readonly phases?: readonly Phase[];
  readonly times?: readonly number[];
  /** Seed of Poisson arrivals, as of callers who know nothing of one another; undefined: evenly spaced. */
  readonly poissonSeed?: number;
}

/** What became of one request. */
export interface Sent {
  /** Index in the pictures. */
  readonly picture: number;
  /** Milliseconds since the start. */
  readonly atMs: number;
  /** From its time, or from when it was sent where that was earlier, until the whole answer was there. */
  readonly ms: number;
  /** 0: the connection failed. */
  readonly status: number;
  /** Index of the most probable class; -1 without an answer. */
  readonly guess: number;
  readonly point: string;
  /** What the gateway says it took, from the last byte of the picture to the answer. */
  readonly gatewayMs: number;
}

/** Sent within this much of one another: a timer cannot do better. */
const TICK_MS = 2;

/** Kept-alive connections that grow with their use; who finds none free waits. */
class Pool {
  readonly #to: Pick<OpenLoadRequest, 'host' | 'port'>;
  readonly #most: number;
  readonly #free: RawConnection[] = [];
  readonly #waiting: ((connection: RawConnection) => void)[] = [];
  #open = 0;

  constructor(to: Pick<OpenLoadRequest, 'host' | 'port'>, most: number) {
    this.#to = to;
    this.#most = most;
  }

  take(use: (connection: RawConnection) => void): void {
    const connection = this.#next();
    if (connection === undefined) this.#waiting.push(use);
    else use(connection);
  }

  give(connection: RawConnection): void {
    this.#free.push(connection);
    const next = this.#waiting.shift();
    if (next !== undefined) this.take(next);
  }

  close(): void {
    for (const connection of this.#free) connection.end();
  }

  #next(): RawConnection | undefined {
    for (let free = this.#free.pop(); free !== undefined; free = this.#free.pop()) {
      if (free.isOpen) return free;
      this.#open--;
    }
    if (this.#open === this.#most) return undefined;
    this.#open++;
    return new RawConnection(this.#to);
  }
}

serve(async (load: OpenLoadRequest): Promise<readonly Sent[]> => {
  const asked = { ...load, headers: { ...load.headers, 'Content-Type': 'application/octet-stream' } };
  const requests = load.pictures.map((picture) => requestBytes(asked, picture));
  const pool = new Pool(load, load.connections ?? 4096);
  const times = load.times ?? arrivals(load.phases ?? [], load.poissonSeed);
  const from = performance.now();
  const sent: Promise<Sent>[] = [];
  for (const [index, atMs] of times.entries()) {
    const early = atMs - (performance.now() - from);
    if (early > TICK_MS) await new Promise((resolve) => setTimeout(resolve, early));
    sent.push(ask(index % requests.length, atMs));
  }
  const all = await Promise.all(sent);
  pool.close();
  return all;

  function ask(picture: number, atMs: number): Promise<Sent> {
    // One that is sent late has waited since its time; one that a timer sent early has not waited before it was sent.
    const sinceMs = Math.min(atMs, performance.now() - from);
    return new Promise((resolve) => {
      pool.take((connection) =>
        connection.ask(requests[picture]!, (answer) => {
          const ms = performance.now() - from - sinceMs;
          pool.give(connection);
          const status = answer?.status ?? 0;
          const said = status === 200 ? JSON.parse(answer!.body) : undefined;
          resolve({
            picture,
            atMs,
            ms,
            status,
            guess: said?.predictions[0].index ?? -1,
            point: said?.route.point ?? '',
            gatewayMs: said?.cost.total_ms ?? Number.NaN,
          });
        }),
      );
    });
  }
});
