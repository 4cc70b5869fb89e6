/**
 * The stage queues of one lane, and what of them runs next: `interactive` before `batch` but for its turns, and of one class the deepest
 * stage that has work, on as many pictures as that stage's best batch size. A run holds one class only: pictures of batch in it would
 * make it longer for those who wait.
 */

import { BATCH_TURN, PRIORITIES, type Priority, Turns } from '../priority.js';
import type { LoadedCascade } from './loaded.js';
import type { BatchRun, Facts } from './messages.js';
import type { Traveller } from './traveller.js';

export interface StageQueue {
  readonly loaded: LoadedCascade;
  readonly rung: number;
  readonly stage: number;
  /** Pictures in one run, at the most. */
  readonly batch: number;
  /** As traces name it. */
  readonly id: Pick<BatchRun, 'cascade' | 'rung' | 'exit'>;
  readonly waiting: Readonly<Record<Priority, Traveller[]>>;
}

export interface Run {
  readonly queue: StageQueue;
  readonly pictures: readonly Traveller[];
}

/** Longer than a full lane of small networks needs to run empty. */
const LONGEST_WAIT_MS = 250;
/** About as many runs is a picture on its way: turns are meant of pictures, or nearly each would have one of batch in its way. */
const RUNS_A_PICTURE = 4;
/** A run cannot be stopped: for so long after an interactive picture runs of batch are short, for the next one. */
const GUARD_MS = 1000;
/** Share of the best batch size that they have then. */
const GUARDED_SHARE = 0.25;

export class StageQueues {
  /** Deepest first: the order in which they are served. */
  readonly #queues: readonly StageQueue[];
  readonly #turns = new Turns(BATCH_TURN * RUNS_A_PICTURE);
  readonly #waiting: Record<Priority, number> = { interactive: 0, batch: 0 };
  #interactiveMs = Number.NEGATIVE_INFINITY;

  constructor(cascades: ReadonlyMap<string, LoadedCascade>, facts: Facts) {
    const queues: StageQueue[] = [];
    for (const loaded of cascades.values()) {
      for (const [rung, { stages, id }] of loaded.cascade.rungs.entries()) {
        for (const stage of stages.keys()) {
          const batch = facts.cascades[loaded.cascade.name]![rung]![stage]!.batch;
          const named = { cascade: loaded.cascade.name, rung: id, exit: stage + 1 };
          queues.unshift({ loaded, rung, stage, batch, id: named, waiting: { interactive: [], batch: [] } });
        }
      }
    }
    const depth = (queue: StageQueue) => queue.rung * 1000 + queue.stage;
    this.#queues = queues.sort((a, b) => depth(b) - depth(a));
  }

  /** @param nowMs on the clock of `performance` */
  push(traveller: Traveller, loaded: LoadedCascade, nowMs: number): void {
    const { plan, at, job } = traveller;
    const { rung } = plan.legs[at.leg]!;
    const queue = this.#queues.find((each) => each.loaded === loaded && each.rung === rung && each.stage === at.stage)!;
    traveller.since = nowMs;
    queue.waiting[job.priority].push(traveller);
    this.#waiting[job.priority]++;
    if (job.priority === 'interactive') this.#interactiveMs = nowMs;
  }

  /**
   * Takes out what runs next.
   * @param standsBack whether batch runs now in its turns only
   * @param isThere false for pictures that left meanwhile: they take nobody's place
   */
  take(nowMs: number, standsBack = false, isThere: (traveller: Traveller) => boolean = () => true): Run | undefined {
    this.#clear(isThere);
    const { first } = this.#turns;
    const priority = this.#waiting[first] > 0 ? first : PRIORITIES.find((each) => this.#waiting[each] > 0);
    if (priority === undefined || (priority === 'batch' && standsBack && first !== 'batch')) return undefined;
    this.#turns.took(priority, this.#waiting.batch > 0);
    const queue = this.#next(priority, nowMs);
    const isGuarded = priority === 'batch' && nowMs - this.#interactiveMs < GUARD_MS;
    const most = isGuarded ? Math.max(1, Math.floor(GUARDED_SHARE * queue.batch)) : queue.batch;
    const pictures = queue.waiting[priority].splice(0, most);
    this.#waiting[priority] -= pictures.length;
    return { queue, pictures };
  }

  #clear(isThere: (traveller: Traveller) => boolean): void {
    for (const { waiting } of this.#queues) {
      for (const priority of PRIORITIES) {
        const pictures = waiting[priority];
        if (pictures.every(isThere)) continue;
        const left = pictures.filter(isThere);
        this.#waiting[priority] -= pictures.length - left.length;
        pictures.splice(0, pictures.length, ...left);
      }
    }
  }

  /** The deepest queue that has work, unless pictures of another have waited too long: a stream of deep work must not starve them. */
  #next(priority: Priority, nowMs: number): StageQueue {
    const sinceOf = ({ waiting }: StageQueue) => waiting[priority][0]!.since;
    const busy = this.#queues.filter(({ waiting }) => waiting[priority].length > 0);
    const starving = busy.filter((queue) => sinceOf(queue) < nowMs - LONGEST_WAIT_MS);
    return starving.sort((a, b) => sinceOf(a) - sinceOf(b))[0] ?? busy[0]!;
  }
}
