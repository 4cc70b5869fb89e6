/** A peer as the benchmark runs it: its processes, from the start until all are gone. */

import { type ChildProcess, fork, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { BATCH, type Peer, WORKERS } from '../peers/peers.js';
import { freePort } from './free-port.js';
import { killAll, MARK, processesOf, signalAll } from './processes.js';

const START_MS = 120_000;
const PEERS_FOLDER = fileURLToPath(new URL('../peers/', import.meta.url));
const RUN = `sluice-bench-${process.pid}`;

/** What all peers serve. */
export interface Served {
  /** ONNX file. */
  readonly graph: string;
  readonly side: number;
  readonly input: { readonly tensor: string; readonly layout: string; readonly scale: number };
  /** A picture to ask with until it answers. */
  readonly picture: Uint8Array;
  /** For logs and all that they write. */
  readonly folder: string;
}

let reaper: ChildProcess | undefined;

export class PeerServer {
  readonly peer: Peer;
  readonly port: number;
  readonly versions: Readonly<Record<string, string>>;
  readonly #mark: string;

  private constructor(peer: Peer, port: number, mark: string, versions: PeerServer['versions']) {
    this.peer = peer;
    this.port = port;
    this.#mark = mark;
    this.versions = versions;
  }

  /** @throws Error that says why it does not install or start */
  static async start(peer: Peer, served: Served): Promise<PeerServer> {
    const port = await freePort();
    const { command, env, versions } = await peer.launch(port, served.folder);
    const mark = `${RUN}/${peer.name}`;
    reaper ??= fork(fileURLToPath(new URL('./reaper.ts', import.meta.url)), [RUN], { detached: true });
    reaper.unref();
    reaper.channel?.unref();
    const log = join(served.folder, `${peer.name}.log`);
    const file = openSync(log, 'w');
    const child = spawn(command[0], command.slice(1), {
      cwd: join(PEERS_FOLDER, peer.folder),
      env: { ...process.env, ...environment(served, port), ...env, [MARK]: mark },
      stdio: ['ignore', file, file],
      detached: true,
    });
    closeSync(file);
    const server = new PeerServer(peer, port, mark, versions);
    let ended = false;
    child.on('exit', () => (ended = true));
    child.on('error', () => (ended = true));
    for (const until = performance.now() + START_MS; performance.now() < until && !ended; await sleep(250)) {
      if (Number.isInteger(await server.top1(served.picture).catch(() => undefined))) return server;
    }
    server.stop();
    const said = (await readFile(log, 'utf8')).trim().split('\n').at(-1)!.trim();
    throw new Error(
      `${ended ? 'ended at its start' : `did not answer within ${START_MS / 1000} s`}: ${said.slice(0, 200)}`,
    );
  }

  get pids(): number[] {
    return processesOf(this.#mark);
  }

  /** Its answer to one picture. @throws Error when it is no answer */
  async top1(jpeg: Uint8Array): Promise<unknown> {
    const { path, contentType, body, read } = this.peer.form;
    const response = await fetch(`http://127.0.0.1:${this.port}${path}`, {
      method: 'POST',
      headers: { 'Content-Type': contentType },
      body: body(jpeg) as Uint8Array<ArrayBuffer>,
      signal: AbortSignal.timeout(10_000),
    });
    if (!response.ok) throw new Error(`${this.peer.name} answered ${response.status}: ${await response.text()}`);
    return read(await response.json());
  }

  /** Takes the processor from it while others are measured: some of them poll. */
  pause(): void {
    signalAll(this.pids, 'SIGSTOP');
  }

  resume(): void {
    signalAll(this.pids, 'SIGCONT');
  }

  stop(): void {
    killAll(this.#mark);
  }
}

function environment({ graph, side, input }: Served, port: number): Record<string, string> {
  return {
    PEER_GRAPH: graph,
    PEER_SIDE: `${side}`,
    PEER_INPUT: input.tensor,
    PEER_LAYOUT: input.layout,
    PEER_SCALE: `${input.scale}`,
    PEER_PORT: `${port}`,
    PEER_WORKERS: `${WORKERS}`,
    PEER_BATCH: `${BATCH}`,
    PYTHONPATH: join(PEERS_FOLDER, 'python'),
    PYTHONDONTWRITEBYTECODE: '1',
    NODE_ENV: 'production',
    ORT_DISABLE_TELEMETRY: '1',
  };
}
