/**
 * A lane: its thread, its decoders, and the stage queues of the product itself (src/lane/stage-queues), which say what runs next and
 * with whom. The thread takes in pictures, runs and answers by turns, as the event loop of a real lane does.
 */

import type { LaneHandle } from '../../src/gateway/slots.js';
import type { LoadedCascade } from '../../src/lane/loaded.js';
import type { Facts, Job } from '../../src/lane/messages.js';
import { StageQueues } from '../../src/lane/stage-queues.js';
import type { Traveller } from '../../src/lane/traveller.js';
import type { Clock } from './clock.js';
import type { Cores } from './cores.js';
import { type Profile, type ProfilePicture, runMs } from './profile.js';
import { Threads } from './threads.js';

/** As src/gateway/deployment has it. */
const DECODERS = 2;

/** Of one picture in the lane. */
interface Passage {
  readonly picture: ProfilePicture;
  /** Stages that it has passed. */
  passed: number;
  inferenceMs: number;
}

export interface LaneEvents {
  /** @param laneMs as the product counts them: its decodes, and its share of runs */
  answered(lane: SimulatedLane, id: number, laneMs: number): void;
  ran(pictures: number): void;
}

export class SimulatedLane implements LaneHandle {
  readonly number: number;
  readonly #clock: Clock;
  readonly #profile: Profile;
  readonly #events: LaneEvents;
  readonly #thread: Threads;
  readonly #decoders: Threads;
  readonly #queues: StageQueues;
  readonly #loaded: LoadedCascade;
  readonly #plan: Traveller['plan'];
  readonly #passages = new Map<number, Passage>();
  readonly #pictureOf: (job: Job) => ProfilePicture;
  #serving = false;

  constructor(
    number: number,
    machine: { readonly clock: Clock; readonly cores: Cores },
    profile: Profile,
    pictureOf: (job: Job) => ProfilePicture,
    events: LaneEvents,
  ) {
    this.number = number;
    this.#clock = machine.clock;
    this.#profile = profile;
    this.#pictureOf = pictureOf;
    this.#events = events;
    this.#thread = new Threads(machine.clock, machine.cores);
    this.#decoders = new Threads(machine.clock, machine.cores, DECODERS);
    this.#loaded = loadedOf(profile);
    this.#plan = { legs: profile.rungs.map((_, rung) => ({ rung })) } as unknown as Traveller['plan'];
    this.#queues = new StageQueues(new Map([[profile.cascade, this.#loaded]]), factsOf(profile));
  }

  get busyMs(): number {
    return this.#thread.busyMs;
  }

  run(jobs: readonly Job[]): void {
    for (const job of jobs) {
      const picture = this.#pictureOf(job);
      this.#passages.set(job.id, { picture, passed: 0, inferenceMs: 0 });
      const decoder = picture.inline ? this.#thread : this.#decoders;
      this.#thread.run(
        () => this.#profile.laneMs,
        () =>
          decoder.run(
            () => picture.decodeMs,
            () => this.#queue(job),
          ),
      );
    }
  }

  cancel(): void {}

  #queue(job: Job): void {
    const { picture, passed } = this.#passages.get(job.id)!;
    const { rung, stage } = picture.path[passed]!;
    // What the queues read of a traveller, and nothing else.
    const traveller = { job, plan: this.#plan, at: { leg: rung, stage }, since: 0 } as unknown as Traveller;
    this.#queues.push(traveller, this.#loaded, this.#clock.nowMs);
    if (this.#serving) return;
    this.#serving = true;
    this.#serve();
  }

  /** One run, then a turn for whatever else the thread has to do, then the next. */
  #serve(): void {
    let run: ReturnType<StageQueues['take']>;
    let ms = 0;
    const work = () => {
      run = this.#queues.take(this.#clock.nowMs);
      if (run === undefined) return 0;
      const { queue, pictures } = run;
      ms = runMs(this.#profile.rungs[queue.rung]!.stages[queue.stage]!, pictures.length);
      return ms;
    };
    this.#thread.run(work, () => {
      if (run === undefined) {
        this.#serving = false;
        return;
      }
      this.#events.ran(run.pictures.length);
      for (const { job } of run.pictures) this.#passed(job, ms / run.pictures.length);
      this.#serve();
    });
  }

  #passed(job: Job, shareMs: number): void {
    const passage = this.#passages.get(job.id)!;
    passage.inferenceMs += shareMs;
    if (++passage.passed < passage.picture.path.length) {
      this.#queue(job);
      return;
    }
    this.#passages.delete(job.id);
    this.#events.answered(this, job.id, passage.picture.decodeMs + passage.inferenceMs);
  }
}

function loadedOf({ cascade, rungs }: Profile): LoadedCascade {
  return { cascade: { name: cascade, rungs } } as unknown as LoadedCascade;
}

function factsOf({ cascade, rungs }: Profile): Facts {
  const stages = rungs.map((rung) => rung.stages.map(({ batch, ms }) => ({ macs: 0, batch, ms: ms[0]![1] })));
  return { cascades: { [cascade]: stages }, decode: { sources: [1], ms: {}, shrinkMs: 0 } };
}
