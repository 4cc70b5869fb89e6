/** Process: an OTLP collector that takes everything and keeps nothing but a count. */

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { serve } from './child.js';

export interface SinkAnswer {
  readonly port: number;
  /** Exports that came so far. */
  readonly exports: number;
}

let exports = 0;
const server = createServer((request, response) => {
  exports++;
  request.resume();
  request.on('end', () => response.writeHead(200, { 'Content-Type': 'application/json' }).end('{}'));
});
const listens = new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));

serve(async (_: object): Promise<SinkAnswer> => {
  await listens;
  return { port: (server.address() as AddressInfo).port, exports };
});
