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
}

export interface LaneUser {
  readonly uid: number;
  readonly gid: number;
}

/** Compiled lanes are started also where the gateway itself runs from TypeScript (tests): both lie two folders below the root. */
const ENTRY = fileURLToPath(new URL('../../dist/lane/main.js', import.meta.url));
/**
 * Megabytes of V8's young generation. A request's objects live as long as the request: with the default of 16 many of them are
 * copied before they die, and collecting them costs a fifth of the gateway's processor time (measured with `npm run bench -- core`).
 */
const YOUNG_MB = '--max-semi-space-size=64';

/**
 * How the C library keeps memory in lanes. ONNX Runtime takes and returns megabytes with every run: below the thresholds they stay
 * with the process, which is as fast as an arena of its own; what is free above them goes back to the system. Other C libraries than
 * glibc do not read these.
 */
const MALLOC = { MALLOC_ARENA_MAX: '2', MALLOC_MMAP_THRESHOLD_: `${64 << 20}`, MALLOC_TRIM_THRESHOLD_: `${64 << 20}` };
/** Named one by one: whatever is secret is in none of these, also what nobody has thought of. */
const NEEDED = /^(PATH|LANG|LC_\w+|TZ|TMPDIR|TMP|TEMP|SYSTEMROOT|NODE_OPTIONS|NODE_V8_COVERAGE|UV_THREADPOOL_SIZE)$/i;
/** Of the dynamic linker, allocators, ONNX Runtime and libvips. */
const LIBRARIES = /^(LD|DYLD|MALLOC|MIMALLOC|ORT|OMP|VIPS)_/;

/** The variables that a lane gets. */
export function laneEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => NEEDED.test(name) || LIBRARIES.test(name)));
}

/** @throws where no process can be started at all */
export function startLaneProcess({ memoryBytes, user }: Confinement): ChildProcess {
  const heap = memoryBytes === undefined ? [] : [`--max-old-space-size=${Math.ceil(memoryBytes / 1e6)}`];
  return fork(ENTRY, {
    serialization: 'advanced',
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    execArgv: [...process.execArgv, YOUNG_MB, ...heap],
    env: { ...MALLOC, ...laneEnvironment(process.env) },
    // Groups of the gateway's user go with it: libuv drops them.
    ...user,
  });
}
