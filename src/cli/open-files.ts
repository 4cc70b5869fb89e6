/** Connections within the process's limit of open files: past it the kernel's callers are taken and reset, without an answer or a line in the log. */

import { readFile } from 'node:fs/promises';
import type { SocketLimits } from '../http/socket-limits.js';
import type { Logger } from '../telemetry/log.js';

/** What the gateway has open for itself: 22 at rest (`ls /proc/PID/fd`), and the files that it reads, logs and traces to. */
const OWN = 48;
/** Its channel, and that of another while models change. */
const PER_LANE = 2;
/** Of what is left, for connections that are turned away: each is open until it has been told so. */
const TURNED_AWAY = 0.2;

export interface Sharers {
  readonly lanes: number;
  /** Listeners, each with as many connections. */
  readonly servers: number;
}

/** The soft limit in /proc/PID/limits; undefined where it has none, or does not say. */
export function openFilesIn(limits: string): number | undefined {
  const soft = /^Max open files\s+(\d+)/m.exec(limits)?.[1];
  return soft === undefined ? undefined : Number(soft);
}

/** Connections that a server may have: as many as are wanted, or as fit, at least one. Pure. */
export function connectionsWithin(openFiles: number, wanted: number, { lanes, servers }: Sharers): number {
  const left = (openFiles - OWN - PER_LANE * lanes) * (1 - TURNED_AWAY);
  return Math.max(1, Math.min(wanted, Math.floor(left / servers)));
}

/** The limits of connections, lowered to what fits. Only Linux says what that is. */
export async function withinOpenFiles(limits: SocketLimits, sharers: Sharers, log: Logger): Promise<SocketLimits> {
  const openFiles = openFilesIn(await readFile('/proc/self/limits', 'utf8').catch(() => ''));
  if (openFiles === undefined) return limits;
  const { connections: wanted } = limits;
  const connections = connectionsWithin(openFiles, wanted, sharers);
  if (connections < wanted)
    log.warn(
      { openFiles, wanted, connections },
      'the limit of open files (ulimit -n) leaves room for fewer connections than --max-connections: raise it, or lower that',
    );
  return { ...limits, connections };
}
