/** One caller that asks, waits, and asks again over one kept connection: the times of a gateway without any queue. */

import { Agent, request } from 'node:http';

export interface Step {
  readonly backbone: string;
  readonly width: number;
  readonly resolution: number;
  /** From 1. */
  readonly exit: number;
  readonly score: number;
}

/** What of an answer a benchmark reads. */
export interface Answer {
  readonly cost: {
    readonly macs: number;
    readonly decode_ms: number;
    readonly inference_ms: number;
    readonly total_ms: number;
  };
  readonly route: { readonly steps?: readonly Step[] };
}

export interface Asked {
  readonly answer: Answer;
  /** From the request to its whole answer, as the caller sees it. */
  readonly ms: number;
}

export class Asker {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });
  readonly #port: number;

  constructor(port: number) {
    this.#port = port;
  }

  /** @throws Error when the answer is not 200 */
  ask(path: string, image: Uint8Array): Promise<Asked> {
    const from = performance.now();
    const headers = { 'Content-Type': 'application/octet-stream', 'Content-Length': image.length };
    const target = { host: '127.0.0.1', port: this.#port, path, method: 'POST', agent: this.#agent, headers };
    return new Promise((resolve, reject) => {
      const call = request(target, (response) => {
        let body = '';
        response.setEncoding('utf8');
        response.on('data', (text: string) => {
          body += text;
        });
        response.on('error', reject);
        response.on('end', () => {
          const ms = performance.now() - from;
          if (response.statusCode !== 200) reject(new Error(`${path} answered ${response.statusCode}: ${body}`));
          else resolve({ answer: JSON.parse(body), ms });
        });
      });
      call.on('error', reject);
      call.end(image);
    });
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }
}
