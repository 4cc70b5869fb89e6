/** What the last second was like: rates and lane time, by service and in all. Fed by the gateway, read by its steering. */

import type { JobAnswer } from '../lane/messages.js';
import type { Load } from '../policy/steer.js';

/** A sum whose parts fade: what came {@link FADE_MS} ago counts a third. */
class Fading {
  #sum = 0;
  #at = 0;

  add(amount: number, nowMs: number): void {
    this.#sum = this.at(nowMs) + amount;
    this.#at = nowMs;
  }

  at(nowMs: number): number {
    return this.#sum * Math.exp((this.#at - nowMs) / FADE_MS);
  }
}

const FADE_MS = 1000;
/** Weight of the newest answer in what is remembered of a point. */
const NEWEST = 0.1;

/** Of answers. */
class Meter {
  readonly answers = new Fading();
  readonly decodeMs = new Fading();
  readonly inferenceMs = new Fading();
}

class ServiceMeter extends Meter {
  readonly arrivals = new Fading();
  /** That the answers were expected to take, by the points that gave them. */
  readonly macs = new Fading();
  /** Milliseconds of inference of an answer, by the multiply-accumulates expected of its point; they do not fade. */
  readonly remembered = new Map<number, number>();
}

export class LoadMeter {
  readonly #all = new Meter();
  readonly #services = new Map<string, ServiceMeter>();

  /** A request came in. @param service any name for it */
  arrived(service: string, nowMs: number): void {
    this.#of(service).arrivals.add(1, nowMs);
  }

  /** @param macs expected of the operating point that gave the answer */
  answered(service: string, answer: Pick<JobAnswer, 'decodeMs' | 'inferenceMs'>, macs: number, nowMs: number): void {
    const own = this.#of(service);
    own.macs.add(macs, nowMs);
    const before = own.remembered.get(macs) ?? answer.inferenceMs;
    own.remembered.set(macs, before + NEWEST * (answer.inferenceMs - before));
    for (const meter of [this.#all, own]) {
      meter.answers.add(1, nowMs);
      meter.decodeMs.add(answer.decodeMs, nowMs);
      meter.inferenceMs.add(answer.inferenceMs, nowMs);
    }
  }

  /** Forgets the services that are not among these. */
  keep(services: ReadonlySet<string>): void {
    for (const name of this.#services.keys()) if (!services.has(name)) this.#services.delete(name);
  }

  /**
   * @param macs expected of the operating point that serves now
   * @param outstanding requests of all services without an answer yet
   */
  load(service: string, macs: number, outstanding: number, lanes: number, nowMs: number): Load {
    const [all, own] = [this.#all, this.#of(service)];
    const [allRate, ownRate] = [perSecond(all.answers, nowMs), perSecond(own.answers, nowMs)];
    const laneMs = all.decodeMs.at(nowMs) + all.inferenceMs.at(nowMs);
    // Decodes overlap, so their wall time overstates them. Answers cannot have taken more than all the lanes' time.
    const scale = laneMs === 0 ? 0 : Math.min(1, (lanes * FADE_MS) / laneMs);
    const each = (part: Fading) => (scale * part.at(nowMs)) / Math.max(own.answers.at(nowMs), Number.EPSILON);
    const fixedMs = each(own.decodeMs);
    const ownMacs = own.macs.at(nowMs);
    const inferenceMs = ownMacs === 0 ? 0 : (scale * own.inferenceMs.at(nowMs) * macs) / ownMacs;
    const allMs = (scale * laneMs) / Math.max(all.answers.at(nowMs), Number.EPSILON);
    const ownMs = scale * (own.decodeMs.at(nowMs) + own.inferenceMs.at(nowMs));
    // Little's law, with what the lanes could do where they had less to do than that.
    const capacity = Math.max(allRate, allMs === 0 ? 0 : (1000 * lanes) / allMs);
    return {
      ratePerSecond: Math.max(perSecond(own.arrivals, nowMs), ownRate),
      fixedMs,
      inferenceMs,
      remembered: own.remembered,
      lanes,
      othersBusy: Math.max(0, (scale * laneMs - ownMs) / FADE_MS),
      waitMs: capacity === 0 ? 0 : (1000 * outstanding) / capacity,
    };
  }

  #of(service: string): ServiceMeter {
    let meter = this.#services.get(service);
    if (meter === undefined) {
      meter = new ServiceMeter();
      this.#services.set(service, meter);
    }
    return meter;
  }
}

function perSecond(sum: Fading, nowMs: number): number {
  return (1000 * sum.at(nowMs)) / FADE_MS;
}
