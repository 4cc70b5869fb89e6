/**
 * A gateway: one event loop that every request passes twice, and the product's own rules of who is let in (admission, waiting-time), who
 * goes first (waiting-line) and where (slots).
 */

import { type AdmissionLimits, refusalOf, type ShedReason } from '../../src/gateway/admission.js';
import { board } from '../../src/gateway/boarding.js';
import type { Entry } from '../../src/gateway/entry.js';
import { Slots, type Window } from '../../src/gateway/slots.js';
import { Suspects } from '../../src/gateway/suspects.js';
import { WaitingLine } from '../../src/gateway/waiting-line.js';
import { WaitingTime } from '../../src/gateway/waiting-time.js';
import type { Job } from '../../src/lane/messages.js';
import { BATCH_SHARE } from '../../src/priority.js';
import type { Clock } from './clock.js';
import { Cores } from './cores.js';
import { SimulatedLane } from './lane.js';
import type { Profile, ProfilePicture } from './profile.js';
import { Threads } from './threads.js';

export interface Machine {
  readonly lanes: number;
  readonly cores: number;
}

/** The defaults of `sluice serve`. */
export const LIMITS: AdmissionLimits & Window = {
  queue: 1000,
  bytes: 1e9,
  maxWaitMs: 2000,
  batchShare: BATCH_SHARE,
  window: 32,
  windowBytes: 16e6,
};

/** Of the loop's work for a request: reading it and sending it to a lane; the rest is its answer. */
const IN_SHARE = 0.5;
/** Of the same, for one that is refused: its head only, as it is looked at before its body is read. An assumption, not measured. */
const REFUSED_SHARE = 0.1;
/** There is one plan. */
const PLAN = 1;

export type Outcome = 'answered' | ShedReason;

export class SimulatedGateway {
  readonly cores: Cores;
  readonly #clock: Clock;
  readonly #profile: Profile;
  readonly #limits: AdmissionLimits & Window;
  readonly #loop: Threads;
  readonly #lanes: readonly SimulatedLane[];
  readonly #slots = new Slots();
  readonly #waiting = { suspects: new Suspects(), line: new WaitingLine(), idle: [] };
  readonly #time = new WaitingTime();
  readonly #pictures = new Map<number, ProfilePicture>();
  readonly #done = new Map<number, (outcome: Outcome) => void>();
  readonly #ran: (pictures: number) => void;
  #nextId = 1;
  #heldBytes = 0;
  #outstanding = 0;
  #admitted = 0;
  #seenMs = 0;
  #saturatedMs = 0;
  mostQueued = 0;
  mostHeldBytes = 0;

  /** @param ran told of each run in a lane */
  constructor(
    clock: Clock,
    { lanes, cores }: Machine,
    profile: Profile,
    ran: (pictures: number) => void = () => {},
    limits = LIMITS,
  ) {
    this.#clock = clock;
    this.#profile = profile;
    this.#limits = limits;
    this.#ran = ran;
    this.cores = new Cores(clock, cores, profile.contention);
    this.#loop = new Threads(clock, this.cores);
    const machine = { clock, cores: this.cores };
    const pictureOf = ({ id }: Job) => this.#pictures.get(id)!;
    const events = {
      answered: (lane: SimulatedLane, id: number, ms: number) => this.#answered(lane, id, ms),
      ran: (pictures: number) => this.#ran(pictures),
    };
    this.#lanes = Array.from({ length: lanes }, (_, at) => new SimulatedLane(at, machine, profile, pictureOf, events));
    for (const lane of this.#lanes) this.#slots.attach(lane);
  }

  /** Requests without an answer: what a load balancer sees of it. */
  get outstanding(): number {
    return this.#outstanding;
  }

  /** Milliseconds in which its event loop had something to do. */
  get loopBusyMs(): number {
    return this.#loop.busyMs;
  }

  get laneBusyMs(): number {
    return this.#lanes.reduce((sum, { busyMs }) => sum + busyMs, 0);
  }

  /** Milliseconds times the share of lanes that had a request: what sluice_saturation_ratio is the fading mean of. */
  get saturatedMs(): number {
    this.#look();
    return this.#saturatedMs;
  }

  request(picture: ProfilePicture, done: (outcome: Outcome) => void): void {
    this.#outstanding++;
    let refused: ShedReason | undefined;
    this.#loop.run(
      () => {
        refused = this.#refusalOf(0);
        return (refused === undefined ? IN_SHARE : REFUSED_SHARE) * this.#profile.gatewayMs;
      },
      () => {
        refused ??= this.#refusalOf(picture.bytes);
        if (refused === undefined) this.#dispatch(picture, done);
        else {
          this.#outstanding--;
          done(refused);
        }
      },
    );
  }

  #refusalOf(bytes: number): ShedReason | undefined {
    this.#tick();
    const waits = (priority: 'interactive' | 'batch') => this.#time.expectedMs(priority, this.#slots.size);
    return refusalOf(
      this.#limits,
      {
        queued: this.#waiting.line.size,
        bytes: this.#heldBytes,
        waitMs: waits('interactive'),
        drainMs: waits('batch'),
      },
      { priority: 'interactive', bytes, leftMs: Number.POSITIVE_INFINITY, goalMs: Number.POSITIVE_INFINITY },
    )?.reason;
  }

  #dispatch(picture: ProfilePicture, done: (outcome: Outcome) => void): void {
    this.#admit(1);
    const id = this.#nextId++;
    this.#pictures.set(id, picture);
    this.#done.set(id, done);
    this.#heldBytes += picture.bytes;
    this.#time.entered(PLAN, 'interactive');
    this.#waiting.line.add(entryOf(id, picture));
    this.#pump();
    this.mostQueued = Math.max(this.mostQueued, this.#waiting.line.size);
    this.mostHeldBytes = Math.max(this.mostHeldBytes, this.#heldBytes);
  }

  #answered(lane: SimulatedLane, id: number, laneMs: number): void {
    this.#loop.run(
      () => (1 - IN_SHARE) * this.#profile.gatewayMs,
      () => {
        this.#tick();
        this.#slots.get(lane)!.leave(id);
        this.#time.worked(PLAN, laneMs);
        this.#time.left(PLAN, 'interactive');
        this.#heldBytes -= this.#pictures.get(id)!.bytes;
        this.#pictures.delete(id);
        const done = this.#done.get(id)!;
        this.#done.delete(id);
        this.#outstanding--;
        this.#admit(-1);
        this.#pump();
        done('answered');
      },
    );
  }

  #admit(change: 1 | -1): void {
    this.#look();
    this.#admitted += change;
  }

  #look(): void {
    const now = this.#clock.nowMs;
    this.#saturatedMs += Math.min(1, this.#admitted / this.#lanes.length) * (now - this.#seenMs);
    this.#seenMs = now;
  }

  #tick(): void {
    this.#time.advance(this.#slots.busy, this.#clock.nowMs);
  }

  #pump(): void {
    board(this.#slots, this.#waiting, this.#limits, this.#clock.nowMs);
  }
}

/** The rules look at its number, its priority and the bytes of its picture. */
function entryOf(id: number, { bytes }: ProfilePicture): Entry {
  const job = { id, priority: 'interactive', plan: PLAN, image: { length: bytes } } as unknown as Job;
  const nothing = () => {};
  const fresh = { deaths: 0, deathsAlone: 0, known: 0, idle: false, settled: false };
  return { job, journey: undefined, resolve: nothing, reject: nothing, done: nothing, ...fresh };
}
