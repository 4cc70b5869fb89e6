/** Process: a closed-loop load generator. Answers are only counted. */

import { serve } from './child.js';
import { RawConnection, requestBytes } from './raw-connection.js';

export interface LoadRequest {
  readonly host: string;
  readonly port: number;
  readonly path: string;
  /** Kept-alive connections, each with one request in flight. */
  readonly connections: number;
  /** Bodies, taken in turn. */
  readonly pictures: readonly Uint8Array[];
  /** Of the bodies, default image/jpeg. */
  readonly contentType?: string;
  /** Of load before the measurement, default 0: until then the queues of whoever answers are not full. */
  readonly warmSeconds?: number;
  readonly seconds: number;
}

export interface LoadAnswer {
  /** Answers with status 200 within the measurement. */
  readonly ok: number;
  /** And those before and after it. */
  readonly all: number;
  /** Status line of the first answer that was not 200. */
  readonly refusal?: string;
  readonly refused: number;
  readonly seconds: number;
  /** Milliseconds from the request to its whole answer. */
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
}

serve(async (load: LoadRequest): Promise<LoadAnswer> => {
  const asked = { ...load, headers: { 'Content-Type': load.contentType ?? 'image/jpeg' } };
  const requests = load.pictures.map((picture) => requestBytes(asked, picture));
  const millis: number[] = [];
  let all = 0;
  let refused = 0;
  let refusal: string | undefined;
  let next = 0;
  const from = performance.now() + (load.warmSeconds ?? 0) * 1000;
  const until = from + load.seconds * 1000;

  function drive(connection: RawConnection): Promise<void> {
    return new Promise((done) => {
      const send = () => {
        const sentAt = performance.now();
        if (sentAt >= until || !connection.isOpen) {
          connection.end();
          return done();
        }
        connection.ask(requests[next++ % requests.length]!, (answer) => {
          const now = performance.now();
          if (answer?.status === 200) {
            all++;
            if (now >= from && now < until) millis.push(now - sentAt);
          } else {
            refused++;
            refusal ??= answer?.statusLine ?? 'closed without an answer';
          }
          send();
        });
      };
      send();
    });
  }

  await Promise.all(Array.from({ length: load.connections }, () => drive(new RawConnection(load))));
  millis.sort((a, b) => a - b);
  const at = (share: number) => millis[Math.floor(share * (millis.length - 1))] ?? Number.NaN;
  return {
    ok: millis.length,
    all,
    refused,
    ...(refusal === undefined ? {} : { refusal }),
    seconds: load.seconds,
    p50: at(0.5),
    p95: at(0.95),
    p99: at(0.99),
  };
});
