/** One lane as the gateway sees it: a child process, its state, its pulse. Knows nothing of requests. */

import type { ChildProcess } from 'node:child_process';
import type { Facts, FromLane, Job, Measured, NumberedPlan, Part, ToLane } from '../lane/messages.js';
import { keepToCore } from './cores.js';
import { type Confinement, startLaneProcess } from './lane-process.js';

export type LaneState = 'loading' | 'loaded' | 'ready' | 'dead';

/** What it says when it has loaded its models. */
export type Loaded = Omit<Extract<FromLane, { type: 'loaded' }>, 'type'>;

export interface LaneEvents {
  loaded(lane: Lane, loaded: Loaded): void;
  measured(lane: Lane, measured: Measured): void;
  ready(lane: Lane): void;
  results(lane: Lane, message: Extract<FromLane, { type: 'results' }>): void;
  /** @param cpuMs processor time since the last call */
  used(lane: Lane, cpuMs: number): void;
  /** Called once, whatever the cause: exit, signal, hang, broken channel. */
  died(lane: Lane, death: LaneDeath): void;
}

export interface LaneDeath {
  /** For people. */
  readonly cause: string;
  /**
   * SIGKILL that the gateway did not send: an operator's, or the kernel's when memory ran out. Or the gateway's own, for memory: what
   * many pictures before have left says little of those that are on board.
   */
  readonly fromOutside: boolean;
}

/** A lane that says nothing for so long hangs in a run; one that hangs in a decode falls silent by itself (lane/main). */
const HANG_MS = 10_000;
/** Loading and measuring are long runs of work without a pulse. */
const HANG_WHILE_LOADING_MS = 120_000;

export class Lane {
  state: LaneState = 'loading';
  /** Resident memory at its last beat. */
  residentBytes = 0;
  readonly #child: ChildProcess;
  readonly #events: LaneEvents;
  readonly #pulse: NodeJS.Timeout;
  readonly #jobs: Job[] = [];
  #lastHeard = performance.now();
  readonly #memoryBytes: number;
  #cause: string | undefined;
  #isTooLarge = false;
  #started = false;

  constructor(
    /** From 0; a replacement takes the number of the lane that it replaces. */
    readonly number: number,
    events: LaneEvents,
    work: Omit<Extract<ToLane, { type: 'load' }>, 'type'>,
    confinement: Confinement = {},
    hangMs = HANG_MS,
  ) {
    this.#events = events;
    this.#memoryBytes = confinement.memoryBytes ?? Number.POSITIVE_INFINITY;
    this.#child = startLaneProcess(confinement);
    const { pid } = this.#child;
    if (pid !== undefined && confinement.cores !== undefined) keepToCore(pid, number, confinement.cores);
    this.#child.on('message', (message: FromLane) => this.#hear(message));
    this.#child.on('exit', (code, signal) => this.#die(signal ?? `exit code ${code}`, signal === 'SIGKILL'));
    // A process that was never born has no `exit` to come.
    this.#child.on('error', ({ message }) =>
      this.#child.pid === undefined ? this.#die(message, false) : this.kill(message),
    );
    const patienceMs = () => (this.state === 'ready' ? hangMs : HANG_WHILE_LOADING_MS);
    const silentMs = () => performance.now() - this.#lastHeard;
    this.#pulse = setInterval(
      () => {
        if (silentMs() <= patienceMs()) return;
        // A gateway that was busy itself finds the beats only after this timer: it looks once more when it has read them.
        setImmediate(() => {
          if (silentMs() > patienceMs()) this.kill(`silent for ${Math.round(silentMs())} ms`);
        });
      },
      Math.min(1000, hangMs / 4),
    );
    this.#pulse.unref();
    this.#send({ type: 'load', ...work });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  measure(part: Part): void {
    this.#send({ type: 'measure', part });
  }

  start(facts: Facts, plans: readonly NumberedPlan[]): void {
    this.#started = true;
    this.#send({ type: 'start', facts, plans });
  }

  /** A lane that has not been started gets what is held then with its `start`. */
  changePlans(added: readonly NumberedPlan[], retired: readonly number[]): void {
    if (this.#started) this.#send({ type: 'plans', added, retired });
  }

  /** What comes in one turn of the event loop goes to the lane in one message. */
  run(jobs: readonly Job[]): void {
    if (this.#jobs.length === 0) setImmediate(() => this.#sendJobs());
    this.#jobs.push(...jobs);
  }

  cancel(ids: readonly number[]): void {
    this.#sendJobs();
    this.#send({ type: 'cancel', ids });
  }

  /** Ends the process at once; `died` follows. */
  kill(cause: string): void {
    this.#cause ??= cause;
    this.#child.kill('SIGKILL');
  }

  #sendJobs(): void {
    if (this.#jobs.length > 0) this.#send({ type: 'jobs', jobs: this.#jobs.splice(0) });
  }

  #send(message: ToLane): void {
    // A lane that just died cannot take it; its `exit` event is on the way and deals with all that was sent to it.
    if (this.#child.connected) this.#child.send(message, () => {});
  }

  /** Lanes decode strangers' pictures: what one says may cost it its life, not the gateway's. */
  #hear(message: FromLane): void {
    // What a dead lane said before it died may arrive after its end.
    if (this.state === 'dead') return;
    this.#lastHeard = performance.now();
    try {
      this.#receive(message);
    } catch (error) {
      this.kill(`says what no lane says: ${String(error)}`);
    }
  }

  #receive(message: FromLane): void {
    switch (message.type) {
      case 'loaded':
        this.state = 'loaded';
        this.#events.loaded(this, message);
        break;
      case 'measured':
        this.#events.measured(this, message.measured);
        break;
      case 'ready':
        // It would be replaced by its like for ever: so it is one that does not start.
        if (!this.#fits(message.residentBytes)) break;
        this.state = 'ready';
        this.#events.ready(this);
        break;
      case 'results':
        this.#events.results(this, message);
        break;
      case 'beat':
        this.residentBytes = message.usage.residentBytes;
        this.#events.used(this, message.usage.cpuMs);
        if (this.state === 'ready') this.#fits(this.residentBytes);
        break;
      case 'stuck':
        this.kill('a decode of it does not end');
        break;
    }
  }

  /** Ends it where it does not. */
  #fits(bytes: number): boolean {
    if (bytes <= this.#memoryBytes) return true;
    this.#isTooLarge = true;
    const megabytes = (n: number) => Math.round(n / 1e6);
    this.kill(
      `takes ${megabytes(bytes)} MB of memory, more than the ${megabytes(this.#memoryBytes)} of --lane-memory-mb`,
    );
    return false;
  }

  #die(cause: string, killed: boolean): void {
    if (this.state === 'dead') return;
    this.state = 'dead';
    clearInterval(this.#pulse);
    this.#events.died(this, {
      cause: this.#cause ?? cause,
      fromOutside: killed && (this.#isTooLarge || this.#cause === undefined),
    });
  }
}
