/** Which operating point of a service answers a request: by its goal and the load, and by what audits have found. */

import type { JobAnswer } from '../lane/messages.js';
import { type Audits, hasDrifted, upperAgreement, withAudit } from '../policy/drift.js';
import type { Service } from '../policy/service.js';
import { type Course, steer } from '../policy/steer.js';
import { LoadMeter } from './load.js';

/** For the log. */
export interface Drift {
  readonly cascade: string;
  readonly policy: string;
  /** The point that agreed too little. */
  readonly from: string;
  /** The point that serves from now on at the cheapest; `full`: the static choice. */
  readonly to: string;
  readonly agreement: number;
  readonly upperBound: number;
  readonly promised: number;
  readonly checked: number;
}

export interface Move {
  readonly cascade: string;
  readonly policy: string;
  readonly from: string;
  readonly to: string;
}

export interface SteeringEvents {
  moved?(move: Move): void;
  drifted?(drift: Drift): void;
}

/** What is going on around the services. */
export interface Surroundings {
  /** Requests without an answer. */
  readonly outstanding: number;
  /** Lanes that work. */
  readonly lanes: number;
}

interface Helm {
  course: Course;
  /** Index of the cheapest point that audits leave; -1: none, the full network has to serve. */
  last: number;
  audits: Audits;
  lookedAt: number;
}

/** The controller looks so often at the most: often enough to turn before a queue is long. */
const LOOK_MS = 50;

export class Steering {
  readonly #events: SteeringEvents;
  readonly #load = new LoadMeter();
  /** By the version of a service: a changed policy starts anew. */
  readonly #helms = new Map<string, Helm>();

  /** Whether goals are kept; else the first point always serves, and nobody is refused for one. */
  readonly steers: boolean;

  constructor(events: SteeringEvents = {}, steers = true) {
    this.#events = events;
    this.steers = steers;
  }

  /** Forgets all services but these: they are not served any more, or by other models. */
  serve(services: readonly Service[]): void {
    const known = new Set(services.map(keyOf));
    for (const key of this.#helms.keys()) if (!known.has(key)) this.#helms.delete(key);
    this.#load.keep(known);
  }

  /**
   * Index of the point for a request that comes in now; -1: the full network, as audits found no point good enough.
   * @param nowMs of a clock that nobody sets: back in time, the controller would wait and its memory of the load would grow
   */
  choose(service: Service, around: () => Surroundings, nowMs = performance.now()): number {
    if (!this.steers) return 0;
    const key = keyOf(service);
    this.#load.arrived(key, nowMs);
    const helm = this.#helmOf(service);
    if (service.goal !== undefined && nowMs - helm.lookedAt >= LOOK_MS) {
      helm.lookedAt = nowMs;
      this.#look(service, helm, around(), nowMs);
    }
    return Math.min(helm.course.point, helm.last);
  }

  /** Index of the cheapest point that may still be turned to; -1: the full network. */
  cheapest(service: Service): number {
    return Math.min(service.floor, this.#helms.get(keyOf(service))?.last ?? service.floor);
  }

  /** Index of the point that serves now; -1: the full network. */
  current(service: Service): number {
    const helm = this.#helms.get(keyOf(service));
    return helm === undefined ? 0 : Math.min(helm.course.point, helm.last);
  }

  /** @param macs that the plan of the answer was expected to take */
  answered(service: Service, answer: JobAnswer, macs: number, nowMs = performance.now()): void {
    this.#load.answered(keyOf(service), answer, macs, nowMs);
  }

  /** An early answer of a point was checked with the full network. */
  audited(service: Service, point: number, agreed: boolean): void {
    const helm = this.#helmOf(service);
    const minimum = this.steers ? service.audit?.min_agreement : undefined;
    // One that comes late, from a point that does not serve any more, says nothing of this one.
    if (minimum === undefined || helm.last < 0 || this.current(service) !== point) return;
    helm.audits = withAudit(helm.audits, agreed);
    if (!hasDrifted(helm.audits, minimum)) return;
    helm.last = point - 1;
    this.#events.drifted?.({
      cascade: service.cascade,
      policy: service.policy,
      from: nameOf(service, point),
      to: nameOf(service, helm.last),
      agreement: helm.audits.agreed / helm.audits.checked,
      upperBound: upperAgreement(helm.audits),
      promised: minimum,
      checked: helm.audits.checked,
    });
    helm.audits = { agreed: 0, checked: 0 };
  }

  #helmOf(service: Service): Helm {
    const key = keyOf(service);
    let helm = this.#helms.get(key);
    if (helm === undefined) {
      const course = { point: 0, calmSinceMs: undefined };
      const audits = { agreed: 0, checked: 0 };
      helm = { course, last: service.points.length - 1, audits, lookedAt: 0 };
      this.#helms.set(key, helm);
    }
    return helm;
  }

  #look(service: Service, helm: Helm, { outstanding, lanes }: Surroundings, nowMs: number): void {
    const { course } = helm;
    if (service.points.length < 2 || lanes === 0 || helm.last < 0) return;
    const points = service.points.map(({ expected }) => expected!);
    const load = this.#load.load(keyOf(service), points[course.point]!.macs, outstanding, lanes, nowMs);
    const next = steer(service.goal!, points, this.cheapest(service), course, load, nowMs);
    helm.course = next;
    if (next.point === course.point) return;
    // Audits of one point say nothing of another.
    helm.audits = { agreed: 0, checked: 0 };
    const [from, to] = [nameOf(service, course.point), nameOf(service, next.point)];
    this.#events.moved?.({ cascade: service.cascade, policy: service.policy, from, to });
  }
}

function keyOf({ cascade, policy, points }: Service): string {
  return `${cascade}\n${policy}\n${points[0]!.version}`;
}

/** A policy with a route of its own has one point without a name. @param point index; -1: the full network */
export function nameOf({ points }: Service, point: number): string {
  return point < 0 ? 'full' : (points[point]!.point ?? 'route');
}

/** Whether another point than the first may serve. */
export function isSteered({ points, audit }: Service): boolean {
  return points.length > 1 || audit !== undefined;
}
