/** Process: an open-loop load generator. Requests are sent at their times, whether or not earlier ones have been answered, as many independent callers do. */

import { Agent, request } from 'node:http';
import { arrivals, type Phase } from './arrivals.js';
import { serve } from './child.js';

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
  /** Requests a second, one phase after the other. */
  readonly phases: readonly Phase[];
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

serve(
  async ({
    host,
    port,
    path,
    headers: more,
    connections = 4096,
    pictures,
    phases,
    poissonSeed,
  }: OpenLoadRequest): Promise<readonly Sent[]> => {
    const agent = new Agent({ keepAlive: true, maxSockets: connections });
    const times = arrivals(phases, poissonSeed);
    const from = performance.now();
    const sent: Promise<Sent>[] = [];
    for (const [index, atMs] of times.entries()) {
      const early = atMs - (performance.now() - from);
      if (early > TICK_MS) await new Promise((resolve) => setTimeout(resolve, early));
      sent.push(ask(index % pictures.length, atMs));
    }
    const all = await Promise.all(sent);
    agent.destroy();
    return all;

    function ask(picture: number, atMs: number): Promise<Sent> {
      return new Promise((resolve) => {
        // One that is sent late has waited since its time; one that a timer sent early has not waited before it was sent.
        const sinceMs = Math.min(atMs, performance.now() - from);
        const done = (status: number, body: string) => {
          const ms = performance.now() - from - sinceMs;
          const answer = status === 200 ? JSON.parse(body) : undefined;
          const guess = answer?.predictions[0].index ?? -1;
          resolve({
            picture,
            atMs,
            ms,
            status,
            guess,
            point: answer?.route.point ?? '',
            gatewayMs: answer?.cost.total_ms ?? Number.NaN,
          });
        };
        const headers = {
          ...more,
          'Content-Type': 'application/octet-stream',
          'Content-Length': pictures[picture]!.length,
        };
        const call = request({ host, port, path, method: 'POST', agent, headers }, (response) => {
          let body = '';
          response.setEncoding('utf8');
          response.on('data', (text: string) => {
            body += text;
          });
          response.on('end', () => done(response.statusCode ?? 0, body));
          response.on('error', () => done(0, ''));
        });
        call.on('error', () => done(0, ''));
        call.end(pictures[picture]);
      });
    }
  },
);
