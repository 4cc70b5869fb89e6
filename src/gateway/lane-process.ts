/**
 * Starts the process of a lane, with no more than it needs: none of the gateway's variables but those that libraries read, a user of
 * its own where the operator names one, and a ceiling for V8's heap. It is the process that touches what strangers send.
 */

import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** What a lane may not go beyond. */
export interface Confinement {
  /** Resident memory, bytes; a lane above it is replaced. */
  readonly memoryBytes?: number | undefined;
  /** Only root can give a process another user. */
  readonly user?: LaneUser | undefined;
  /** Each lane is kept to one of these, by its number; undefined: the kernel moves it about. */
  readonly cores?: readonly number[] | undefined;
}

export interface LaneUser {
  readonly uid: number;
  readonly gid: number;
}

/** Compiled lanes are started also where the gateway itself runs from TypeScript (tests): both lie two folders below the root. */
const ENTRY = fileURLToPath(new URL('../../dist/lane/main.js', import.meta.url));
/**
 * How V8 collects in lanes. They keep little in JavaScript, but much hangs on it: encoded pictures, pixels, features. A young generation
 * of 1 MB is collected often and lets go of them soon: a lane under photographs holds 50 to 150 MB less than with 8, at the same
 * processor time; with the 64 of the gateway, which would be theirs too, it is larger still. The old one may double until it is marked
 * (collector.ts of the command line says what V8's own measure does). And a lane has one core: threads that help to collect would
 * take it from the lane itself, or from its neighbours (6 % of a lane's processor time under photographs).
 */
export const COLLECTOR = ['--max-semi-space-size=1', '--heap-growing-percent=100', '--single-threaded-gc'];

/**
 * How the C library keeps memory in lanes. ONNX Runtime takes and returns megabytes with every run: below the thresholds they stay
 * with the process, which is as fast as an arena of its own; what is free above them goes back to the system. Other C libraries than
 * glibc do not read these.
 */
export const MALLOC = {
  MALLOC_ARENA_MAX: '2',
  MALLOC_MMAP_THRESHOLD_: `${64 << 20}`,
  MALLOC_TRIM_THRESHOLD_: `${32 << 20}`,
};
/** Named one by one: whatever is secret is in none of these, also what nobody has thought of. */
const NEEDED = /^(PATH|LANG|LC_\w+|TZ|TMPDIR|TMP|TEMP|SYSTEMROOT|NODE_OPTIONS|NODE_V8_COVERAGE|UV_THREADPOOL_SIZE)$/i;
/** Of the dynamic linker, allocators, ONNX Runtime and libvips. */
const LIBRARIES = /^(LD|DYLD|MALLOC|MIMALLOC|ORT|OMP|VIPS)_/;

/** The variables that a lane gets. */
export function laneEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => NEEDED.test(name) || LIBRARIES.test(name)));
}

/** Started before it is known what they will hold, and not taken yet. */
const ahead: ChildProcess[] = [];

/**
 * Starts processes while the gateway still reads its files: they load their libraries meanwhile, which takes as long. Those that no lane
 * takes end with the gateway.
 * @param confinement of all lanes to come
 */
export function startAhead(count: number, confinement: Confinement): void {
  for (let i = 0; i < count; i++) {
    const child = launch(confinement);
    // Whether it can be started at all is told when a lane starts one.
    child.on('error', () => {});
    child.unref();
    child.channel?.unref();
    ahead.push(child);
  }
}

/** @throws where no process can be started at all */
export function startLaneProcess(confinement: Confinement): ChildProcess {
  for (let child = ahead.shift(); child !== undefined; child = ahead.shift()) {
    if (!child.connected || child.exitCode !== null || child.signalCode !== null) continue;
    child.ref();
    child.channel?.ref();
    return child;
  }
  return launch(confinement);
}

function launch({ memoryBytes, user }: Confinement): ChildProcess {
  const heap = memoryBytes === undefined ? [] : [`--max-old-space-size=${Math.ceil(memoryBytes / 1e6)}`];
  return fork(ENTRY, {
    serialization: 'advanced',
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    execArgv: [...process.execArgv, ...COLLECTOR, ...heap],
    env: { ...MALLOC, ...laneEnvironment(process.env) },
    // Groups of the gateway's user go with it: libuv drops them.
    ...user,
  });
}
