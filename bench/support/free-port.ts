/** A port for a server that cannot choose one itself. */

import { createServer } from 'node:net';

/** Free now: whoever wants it should take it at once. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
