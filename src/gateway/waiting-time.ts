/**
 * How long a request that comes in now is expected to wait: the work before it, by what the lanes were seen to do while they were busy
 * (Little's law). Work is counted in lane milliseconds and by plan, because the full network takes many times what an early exit does.
 * Time in which lanes had nothing to do says nothing of what they can do, so a quiet hour does not make the gateway look slow.
 * No clock: times come in.
 */

import { LRUCache } from 'lru-cache';
import { BATCH_TURN, PRIORITIES, type Priority } from '../priority.js';

/** Plans whose cost is remembered. A plan's number is never given twice, so old ones have to go. */
const MOST_PLANS = 1000;
/** Share of the newest answer in the mean cost of its plan. */
const NEWEST = 0.05;
/** Work that is so many busy lane milliseconds old counts a third: one stall of the machine is not what lanes are like. */
const FADE_MS = 5000;
/** The first answers are those of cold lanes, many times slower than all that come after: they count for nothing. */
const COLD_ANSWERS = 32;
/** After them, fewer answers say too little. */
const LEAST_ANSWERS = 10;

export class WaitingTime {
  /** Mean lane milliseconds of an answer, by plan and in all. */
  readonly #costs = new LRUCache<number, number>({ max: MOST_PLANS });
  #cost: number | undefined;
  /** Requests that are not answered yet, by plan. */
  readonly #ahead: Readonly<Record<Priority, Map<number, number>>> = { interactive: new Map(), batch: new Map() };
  /** Fading sums: lane milliseconds of answers, and milliseconds that lanes had something on board. */
  #workMs = 0;
  #busyMs = 0;
  #answers = 0;
  #seenMs: number | undefined;

  /** A request waits, or is on board. */
  entered(plan: number, priority: Priority): void {
    const ahead = this.#ahead[priority];
    ahead.set(plan, (ahead.get(plan) ?? 0) + 1);
  }

  /** It does no more, for whatever reason. */
  left(plan: number, priority: Priority): void {
    const ahead = this.#ahead[priority];
    const count = (ahead.get(plan) ?? 0) - 1;
    if (count > 0) ahead.set(plan, count);
    else ahead.delete(plan);
  }

  /** Told before each change of it. @param busyLanes lanes that have had something on board since the last call */
  advance(busyLanes: number, nowMs: number): void {
    const busyMs = busyLanes * Math.max(0, nowMs - (this.#seenMs ?? nowMs));
    this.#seenMs = nowMs;
    const kept = Math.exp(-busyMs / FADE_MS);
    this.#workMs *= kept;
    this.#busyMs = this.#busyMs * kept + busyMs;
  }

  /** A lane is through with a request. @param laneMs undefined where it failed: then it counts as another of its plan */
  worked(plan: number, laneMs?: number): void {
    if (laneMs !== undefined) {
      this.#costs.set(plan, mean(this.#costs.get(plan), laneMs));
      this.#cost = mean(this.#cost, laneMs);
    }
    if (++this.#answers === COLD_ANSWERS) {
      this.#workMs = 0;
      this.#busyMs = 0;
      return;
    }
    this.#workMs += this.#costOf(plan);
  }

  /** A lane was busy with a request that ended before its answer: it did work, which says nothing of what an answer takes. */
  spent(laneMs: number): void {
    this.#workMs += laneMs;
  }

  /** Milliseconds until all that goes before such a request is done; 0 where nothing is known yet. @param lanes that work */
  expectedMs(priority: Priority, lanes: number): number {
    if (this.#answers < COLD_ANSWERS + LEAST_ANSWERS || this.#workMs <= 0 || this.#busyMs <= 0) return 0;
    const perLaneMs = this.#workMs / this.#busyMs;
    // While no lane is there, one is on its way.
    return this.#aheadMs(priority) / (perLaneMs * Math.max(1, lanes));
  }

  /** Batch waits for everybody; before an interactive request go only others, and batch in its turns. */
  #aheadMs(priority: Priority): number {
    const [interactive, batch] = PRIORITIES.map((each) => this.#sum(each)) as [number, number];
    if (priority === 'batch') return interactive + batch;
    return interactive + Math.min(batch, interactive / (BATCH_TURN - 1));
  }

  #sum(priority: Priority): number {
    let sum = 0;
    for (const [plan, count] of this.#ahead[priority]) sum += count * this.#costOf(plan);
    return sum;
  }

  /** Of a plan that nobody was answered with yet: what others cost. */
  #costOf(plan: number): number {
    return this.#costs.get(plan) ?? this.#cost ?? 1;
  }
}

function mean(before: number | undefined, value: number): number {
  return before === undefined ? value : (1 - NEWEST) * before + NEWEST * value;
}
