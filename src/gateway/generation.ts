/**
 * One set of models with its own lanes and its own dispatcher: a request is only ever sent to lanes that hold what it was admitted
 * to. Policies change within a generation; other models are another generation.
 */

import type { Cascade, CascadeFacts } from '../cascade/cascade.js';
import { fullMacs } from '../cascade/cascade.js';
import type { ConfigError, RequestError } from '../errors.js';
import type { BatchRun, Facts, FromLane, JobAnswer, LaneWork, NumberedPlan } from '../lane/messages.js';
import type { Plan } from '../policy/plan.js';
import type { Service } from '../policy/service.js';
import type { Priority } from '../priority.js';
import type { Catalog } from './catalog.js';
import type { Choice } from './choice.js';
import type { Dispatched, Dispatcher, Shed } from './dispatcher.js';
import type { Lane, LaneState } from './lane.js';
import { Lanes, type LanesOptions } from './lanes.js';
import type { SteeringEvents } from './steering.js';

/** What happens inside, for logs and metrics. */
export interface GatewayEvents extends SteeringEvents {
  laneReady?(lane: number, pid: number): void;
  laneDied?(lane: number, cause: string): void;
  laneWorked?(lane: number, work: LaneWork): void;
  /** @param cpuMs processor time of the lane's process since the last call */
  laneUsed?(lane: number, cpuMs: number): void;
  /** Runs that had pictures of sampled requests in them. */
  laneTraced?(lane: number, runs: readonly BatchRun[]): void;
  broken?(error: ConfigError): void;
  audited?(audited: Audited): void;
  /** A request was refused because there is too much to do. */
  shed?(shed: Shed): void;
}

/** An early answer that was checked with the full network. */
export interface Audited {
  readonly cascade: Cascade;
  readonly plan: Plan;
  /** As it was given. */
  readonly answer: JobAnswer;
  readonly agreed: boolean;
}

export interface LaneNow {
  readonly number: number;
  readonly pid: number;
  readonly state: LaneState;
  /** On board. */
  readonly requests: number;
  /** Resident memory, a second ago at the most; 0 before its first beat. */
  readonly residentBytes: number;
}

/** What an admission adds to a request by itself. */
type OfAdmission = 'plan' | 'priority' | 'goalMs';

/** A request's hold on the plan and the models it was let in with: both stay until it is disposed of. */
export interface Admission extends Disposable {
  readonly cascade: Cascade;
  readonly service: Service;
  /** Index in the points of the service; -1: the static choice in their place. */
  readonly point: number;
  readonly plan: Plan;
  /** MACs of the last rung to its last exit. */
  readonly fullMacs: number;
  /** @throws RequestError as `Dispatcher.dispatch` */
  dispatch(job: Omit<Dispatched, OfAdmission>, signal?: AbortSignal): Promise<JobAnswer>;
  /** As `Dispatcher.dispatchIdle`. */
  dispatchIdle(job: Omit<Dispatched, OfAdmission | 'journey'>): Promise<JobAnswer | undefined>;
}

export class Generation {
  readonly #lanes: Lanes;
  readonly #dispatcher: Dispatcher;
  readonly #makeCatalog: (usable: readonly Cascade[]) => Catalog;
  #catalog: Catalog | undefined;
  /** What the lanes know: the plans of the catalog, and those before that requests still hold. */
  readonly #plans = new Map<number, { readonly plan: Plan; holders: number }>();
  #offered: ReadonlySet<number> = new Set();
  #admitted = 0;
  #onEmpty: (() => void) | undefined;

  /** @param catalog made once it is known which cascades load */
  constructor(
    options: LanesOptions,
    dispatcher: Dispatcher,
    catalog: (usable: readonly Cascade[]) => Catalog,
    events: GatewayEvents,
  ) {
    this.#dispatcher = dispatcher;
    this.#makeCatalog = catalog;
    this.#lanes = new Lanes(options, {
      plans: (usable) => this.#startPlans(usable),
      attach: (lane) => {
        dispatcher.attach(lane);
        events.laneReady?.(lane.number, lane.pid ?? 0);
      },
      detach: (lane, { cause, fromOutside }) => {
        events.laneDied?.(lane.number, cause);
        dispatcher.detach(lane, fromOutside);
      },
      results: (lane, message: Extract<FromLane, { type: 'results' }>) => {
        events.laneWorked?.(lane.number, message);
        if (message.traced !== undefined) events.laneTraced?.(lane.number, message.traced);
        dispatcher.results(lane, message.results);
      },
      used: (lane, cpuMs) => events.laneUsed?.(lane.number, cpuMs),
      broken: (error) => events.broken?.(error),
    });
  }

  /** Resolves when every lane is warm. @throws as `Lanes.start` */
  start(): Promise<void> {
    return this.#lanes.start();
  }

  /** Undefined until a lane has measured the models. */
  get catalog(): Catalog | undefined {
    return this.#catalog;
  }

  get facts(): Readonly<Record<string, CascadeFacts>> {
    return this.#lanes.facts;
  }

  get measured(): Facts | undefined {
    return this.#lanes.measured;
  }

  known(cascades: readonly Cascade[]): Facts | undefined {
    return this.#lanes.known(cascades);
  }

  get dispatcher(): Dispatcher {
    return this.#dispatcher;
  }

  /** Lanes that are warm. */
  get warm(): number {
    return this.#lanes.count('ready');
  }

  /** The lanes that have not died. */
  get lanes(): readonly LaneNow[] {
    return this.#lanes.alive.map((lane: Lane) => {
      const { number, pid, state, residentBytes } = lane;
      return { number, pid: pid ?? 0, state, requests: this.#dispatcher.load(lane), residentBytes };
    });
  }

  /** Serves this catalog from now on. Requests that were admitted keep their plans, and lanes know those as long. */
  offer(catalog: Catalog): void {
    this.#catalog = catalog;
    const added = catalog.plans.filter(({ id }) => !this.#plans.has(id));
    for (const { id, plan } of added) this.#plans.set(id, { plan, holders: 0 });
    this.#offered = new Set(catalog.plans.map(({ id }) => id));
    const idle = [...this.#plans].filter(([id, { holders }]) => holders === 0 && !this.#offered.has(id));
    for (const [id] of idle) this.#plans.delete(id);
    this.#lanes.changePlans(
      added,
      idle.map(([id]) => id),
    );
  }

  /** @param choice its `chosen` is one of the catalog's plans */
  admit(choice: Choice, priority?: Priority): Admission {
    const { service, point, chosen } = choice;
    const { id, plan } = chosen;
    const held = this.#plans.get(id)!;
    held.holders++;
    this.#admitted++;
    let released = false;
    return {
      service,
      point,
      plan,
      cascade: this.#catalog!.cascades.find(({ name }) => name === plan.cascade)!,
      fullMacs: fullMacs(this.facts[plan.cascade] ?? []),
      dispatch: (job, signal) =>
        this.#dispatcher.dispatch({ ...job, plan: id, priority, goalMs: choice.goalMs }, signal),
      dispatchIdle: (job) => this.#dispatcher.dispatchIdle({ ...job, plan: id }),
      [Symbol.dispose]: () => {
        if (released) return;
        released = true;
        held.holders--;
        this.#release(id, held.holders);
      },
    };
  }

  /** Ends the lanes when the last request that was admitted has its answer; resolves then. */
  async retire(): Promise<void> {
    if (this.#admitted > 0) {
      await new Promise<void>((resolve) => {
        this.#onEmpty = resolve;
      });
    }
    this.#lanes.close();
  }

  /** Refuses all that is unanswered and ends the lanes; idempotent. */
  close(error: RequestError): void {
    this.#dispatcher.close(error);
    this.#lanes.close();
  }

  /** A lane that starts gets all that is held: a lane that died before may have left a request of an older plan. */
  #startPlans(usable: readonly Cascade[]): readonly NumberedPlan[] {
    if (this.#catalog === undefined) this.offer(this.#makeCatalog(usable));
    return [...this.#plans].map(([id, { plan }]) => ({ id, plan }));
  }

  #release(id: number, holders: number): void {
    if (--this.#admitted === 0) this.#onEmpty?.();
    if (holders > 0 || this.#offered.has(id)) return;
    this.#plans.delete(id);
    this.#lanes.changePlans([], [id]);
  }
}
