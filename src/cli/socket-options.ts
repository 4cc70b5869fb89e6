/** Flags of `sluice serve` about connections: what each may take of the server. */

import { type Command, Option } from 'commander';
import { SOCKET_LIMITS, type SocketLimits } from '../http/socket-limits.js';
import { whole } from './options.js';

export interface SocketFlags {
  headersTimeoutMs: number;
  requestTimeoutMs: number;
  minBodyRate: number;
  keepAliveMs: number;
  requestsPerConnection: number;
  maxHeaderBytes: number;
  maxHeaders: number;
  maxConnections: number;
  maxConnectionsPerAddress: number;
}

const FLAGS: readonly (readonly [flag: string, what: string, standard: number, least: number, most: number])[] = [
  ['headers-timeout-ms', 'time to send the head of a request', SOCKET_LIMITS.headersMs, 100, 600_000],
  ['request-timeout-ms', 'time to send a whole request', SOCKET_LIMITS.requestMs, 100, 3_600_000],
  [
    'min-body-rate',
    'bytes a second that a body has to come with, after 5 s; 0: no limit',
    SOCKET_LIMITS.minBodyRate,
    0,
    1_000_000_000,
  ],
  ['keep-alive-ms', 'time that a connection may wait for its next request', SOCKET_LIMITS.keepAliveMs, 1, 3_600_000],
  [
    'requests-per-connection',
    'requests, after which a connection is closed; 0: no limit',
    SOCKET_LIMITS.requestsPerConnection,
    0,
    1_000_000_000,
  ],
  ['max-header-bytes', "bytes of a request's head", SOCKET_LIMITS.headerBytes, 1024, 1_000_000],
  ['max-headers', 'headers of a request', SOCKET_LIMITS.headers, 10, 10_000],
  [
    'max-connections',
    'connections at a time; for one more, the one that has been of no use for the longest is closed',
    SOCKET_LIMITS.connections,
    1,
    1_000_000,
  ],
  [
    'max-connections-per-address',
    'connections at a time from one address (behind a proxy: the proxy); 0: no limit',
    SOCKET_LIMITS.connectionsPerAddress,
    0,
    1_000_000,
  ],
];

export function withSockets(command: Command): Command {
  for (const [flag, what, standard, least, most] of FLAGS) {
    const variable = `SLUICE_${flag.toUpperCase().replaceAll('-', '_')}`;
    command.addOption(new Option(`--${flag} <n>`, what).env(variable).default(standard).argParser(whole(least, most)));
  }
  return command;
}

export function socketLimits(flags: SocketFlags): SocketLimits {
  return {
    headersMs: flags.headersTimeoutMs,
    // The head is part of the request.
    requestMs: Math.max(flags.requestTimeoutMs, flags.headersTimeoutMs),
    minBodyRate: flags.minBodyRate,
    keepAliveMs: flags.keepAliveMs,
    requestsPerConnection: flags.requestsPerConnection,
    headerBytes: flags.maxHeaderBytes,
    headers: flags.maxHeaders,
    connections: flags.maxConnections,
    connectionsPerAddress: flags.maxConnectionsPerAddress,
  };
}
