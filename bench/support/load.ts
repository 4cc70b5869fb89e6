/**
 * Process: a closed-loop load generator on raw sockets. Requests are made beforehand and answers are only counted, so that it takes
 * as little as possible of the cores that it shares with the gateway.
 */

import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { serve } from './child.js';

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

const HEAD_END = Buffer.from('\r\n\r\n');
const LAST_CHUNK = Buffer.from('\r\n0\r\n\r\n');
const OK = Buffer.from('HTTP/1.1 200 ');

/** One answer at a time on a connection: nothing follows its last byte. */
function isWhole(answer: Buffer): boolean {
  const end = answer.indexOf(HEAD_END);
  if (end < 0) return false;
  const head = answer.toString('latin1', 0, end);
  const length = /\r\ncontent-length: *(\d+)/i.exec(head);
  if (length !== null) return answer.length >= end + HEAD_END.length + Number(length[1]);
  if (/\r\ntransfer-encoding: *chunked/i.test(head)) return answer.subarray(-LAST_CHUNK.length).equals(LAST_CHUNK);
  throw new Error('an answer that does not tell its length');
}

function requestBytes({ host, port, path, contentType = 'image/jpeg' }: LoadRequest, picture: Uint8Array): Buffer {
  const head = `POST ${path} HTTP/1.1\r\nHost: ${host}:${port}\r\nContent-Type: ${contentType}\r\nContent-Length: ${picture.length}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), picture]);
}

serve(async (load: LoadRequest): Promise<LoadAnswer> => {
  const requests = load.pictures.map((picture) => requestBytes(load, picture));
  const millis: number[] = [];
  let all = 0;
  let refused = 0;
  let refusal: string | undefined;
  let next = 0;
  const from = performance.now() + (load.warmSeconds ?? 0) * 1000;
  const until = from + load.seconds * 1000;

  async function drive(socket: Socket): Promise<void> {
    let sentAt = 0;
    let held: Buffer | undefined;
    let waits = false;
    const send = () => {
      waits = performance.now() < until;
      if (!waits) return socket.end();
      sentAt = performance.now();
      socket.write(requests[next++ % requests.length]!);
    };
    socket.on('data', (chunk: Buffer) => {
      held = held === undefined ? chunk : Buffer.concat([held, chunk]);
      if (!isWhole(held)) return;
      const now = performance.now();
      if (!held.subarray(0, OK.length).equals(OK)) {
        refused++;
        refusal ??= held.toString('latin1', 0, held.indexOf('\r\n'));
      } else {
        all++;
        if (now >= from && now < until) millis.push(now - sentAt);
      }
      held = undefined;
      send();
    });
    send();
    await once(socket, 'close');
    if (!waits) return;
    refused++;
    refusal ??= 'closed without an answer';
  }

  const sockets = Array.from({ length: load.connections }, () =>
    connect({ host: load.host, port: load.port, noDelay: true }),
  );
  await Promise.all(sockets.map(drive));
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
