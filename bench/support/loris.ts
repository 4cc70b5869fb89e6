/** Process: connections that send a head byte by byte and never finish it; each that is closed is opened again. */

import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { serve } from './child.js';

export interface LorisRequest {
  readonly host: string;
  readonly port: number;
  /** Held from now on; 0: all are closed. */
  readonly connections: number;
}

export interface LorisAnswer {
  readonly opened: number;
  /** Since they were asked for. */
  readonly closedByServer: number;
}

/** A byte of each so often. */
const BYTE_MS = 1000;
/** Opened at a time: more would wait in the kernel's queue, and normal callers behind them. */
const AT_ONCE = 50;

const sockets = new Set<Socket>();
let wanted = 0;
let closedByServer = 0;

function open(host: string, port: number): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect({ host, port }, () => {
      socket.write('POST /v1/classify HTTP/1.1\r\nHost: x\r\nX-a: ');
      resolve();
    });
    sockets.add(socket);
    socket.on('error', () => resolve());
    socket.resume();
    socket.on('close', () => {
      if (!sockets.delete(socket) || wanted === 0) return;
      closedByServer++;
      void open(host, port);
    });
  });
}

setInterval(() => {
  for (const socket of sockets) if (socket.writable) socket.write('b');
}, BYTE_MS);

serve(async ({ host, port, connections }: LorisRequest): Promise<LorisAnswer> => {
  wanted = connections;
  if (connections === 0) {
    const answer = { opened: sockets.size, closedByServer };
    for (const socket of sockets) socket.destroy();
    sockets.clear();
    closedByServer = 0;
    return answer;
  }
  while (sockets.size < connections) {
    await Promise.all(Array.from({ length: Math.min(AT_ONCE, connections - sockets.size) }, () => open(host, port)));
    await sleep(10);
  }
  return { opened: sockets.size, closedByServer };
});
