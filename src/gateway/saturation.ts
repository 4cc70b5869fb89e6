/** How full the lanes are, from 0 to 1: what an autoscaler goes by. */

/**
 * What was {@link MEMORY_MS} ago counts a third. Autoscalers look every 15 s, scrapes come as often: shorter, and they would see
 * chance; longer, and a flood would be a minute old when they hear of it.
 */
const MEMORY_MS = 15_000;

/**
 * The mean share of lanes that have a request on board, faded over {@link MEMORY_MS}: the utilisation of queueing theory. It needs
 * no look into the lanes, since each request goes to the lane with the fewest: of n without an answer, min(n, lanes) lanes have one.
 * Audits, warm-ups and the gateway's own work are not in it, as they take no place from anybody.
 */
export class Saturation {
  #outstanding = 0;
  #lanes = 0;
  #mean = 0;
  #at: number | undefined;

  /** A request comes in. @param lanes that are warm; nowMs from a clock that never goes back */
  enter(lanes: number, nowMs: number): void {
    this.#advance(nowMs);
    this.#lanes = lanes;
    this.#outstanding++;
  }

  /** A request has an answer, a refusal, or nobody who waits for it. */
  leave(lanes: number, nowMs: number): void {
    this.#advance(nowMs);
    this.#lanes = lanes;
    this.#outstanding--;
  }

  ratio(nowMs: number): number {
    this.#advance(nowMs);
    return this.#mean;
  }

  /** Now, not on average. Where no lane is warm, whoever waits finds all of them taken. */
  get #share(): number {
    return this.#outstanding === 0 ? 0 : Math.min(1, this.#outstanding / Math.max(1, this.#lanes));
  }

  #advance(nowMs: number): void {
    const passedMs = nowMs - (this.#at ?? nowMs);
    this.#at = nowMs;
    this.#mean = this.#share + (this.#mean - this.#share) * Math.exp(-passedMs / MEMORY_MS);
  }
}
