/** Raw sockets: what fetch and supertest cannot send. */

import { connect, type Socket } from 'node:net';

/** Everything that the server says until it closes the connection. */
export function heardFrom(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    let heard = '';
    socket.setEncoding('latin1').on('data', (text: string) => {
      heard += text;
    });
    // Reset: what was heard before counts.
    socket.on('error', () => {});
    socket.on('close', () => resolve(heard));
  });
}

export async function opened(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject));
  return socket;
}

/** Sends the pieces, and says all that came back until the server closed. */
export async function exchange(port: number, ...pieces: readonly (string | Buffer)[]): Promise<string> {
  const socket = await opened(port);
  const heard = heardFrom(socket);
  for (const piece of pieces) socket.write(piece);
  return heard;
}

/** Status and problem of an answer as it came over a socket. */
export function problemIn(heard: string): { status: number; code: string; detail: string; headers: string } {
  const [headers = '', body = ''] = heard.split('\r\n\r\n');
  const { code, detail } = JSON.parse(body);
  return { status: Number(/^HTTP\/1.1 (\d+) /.exec(headers)?.[1]), code, detail, headers };
}
