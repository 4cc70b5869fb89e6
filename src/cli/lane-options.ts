/** Flags of `sluice serve` about what a lane may take, and whose process it is. */

import { readFileSync } from 'node:fs';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { coresForLanes } from '../gateway/cores.js';
import type { Confinement, LaneUser } from '../gateway/lane-process.js';
import { UsageError } from './fail.js';
import { whole, yesOrNo } from './options.js';

export interface LaneFlags {
  laneMemoryMb: number;
  laneUser?: LaneUser;
  pinLanes: boolean;
}

export function withLanes(command: Command): Command {
  return command
    .addOption(
      new Option(
        '--lane-memory-mb <n>',
        'resident memory of a lane, above which it is replaced, megabytes; 0: no limit',
      )
        .env('SLUICE_LANE_MEMORY_MB')
        .default(2048)
        .argParser(whole(0, 1_000_000)),
    )
    .addOption(
      new Option('--lane-user <user>', 'user that lanes run as, NAME or UID:GID; needs root')
        .env('SLUICE_LANE_USER')
        .default(undefined, 'that of the gateway')
        .argParser(laneUser),
    )
    .addOption(
      new Option('--pin-lanes [yes]', 'keep each lane to a core of its own; for cores that nobody else uses (Linux)')
        .env('SLUICE_PIN_LANES')
        .default(false, 'no')
        .argParser(yesOrNo),
    );
}

/** @throws UsageError where lanes are to be kept to cores and cannot be */
export function confinement({ laneMemoryMb, laneUser: user, pinLanes }: LaneFlags): Confinement {
  const cores = pinLanes ? coresOrRefuse() : undefined;
  return { memoryBytes: laneMemoryMb === 0 ? undefined : laneMemoryMb * 1e6, user, cores };
}

function coresOrRefuse(): readonly number[] {
  try {
    return coresForLanes();
  } catch (error) {
    throw new UsageError(`--pin-lanes: ${(error as Error).message}`);
  }
}

function laneUser(text: string): LaneUser {
  if (process.getuid?.() !== 0) throw new InvalidArgumentError('only root can give lanes another user.');
  const numbers = /^(\d+):(\d+)$/.exec(text) ?? entryOf(text);
  if (numbers === undefined) throw new InvalidArgumentError('allowed: a name in /etc/passwd, or UID:GID.');
  const [uid, gid] = [Number(numbers[1]), Number(numbers[2])];
  if (uid === 0 || gid === 0) throw new InvalidArgumentError('root is no user to give lanes.');
  // Printed as it may be given again (--print-config).
  return Object.assign({ uid, gid }, { toJSON: () => `${uid}:${gid}` });
}

function entryOf(name: string): RegExpExecArray | undefined {
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((each) => each.startsWith(`${name}:`));
  return /^[^:]*:[^:]*:(\d+):(\d+):/.exec(line ?? '') ?? undefined;
}
