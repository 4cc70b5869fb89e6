/** The lanes of the gateway: starts them, has them measure the cascades, replaces those that die. */

import type { Cascade, CascadeFacts } from '../cascade/cascade.js';
import { ConfigError, ConfigErrors, RequestError, StartError } from '../errors.js';
import type { BrokenCascade, Facts, FromLane, LaneLimits, Measured, NumberedPlan } from '../lane/messages.js';
import { Lane, type LaneDeath, type LaneState, type Loaded } from './lane.js';
import type { Confinement } from './lane-process.js';
import { Survey } from './survey.js';

export interface LanesOptions {
  readonly count: number;
  readonly limits: LaneLimits;
  readonly cascades: readonly Cascade[];
  /** A cascade that does not load fails the start; else it is reported and left out. */
  readonly strict: boolean;
  /** What was measured before, of those of the cascades that are the same. */
  readonly known?: Facts | undefined;
  readonly confinement?: Confinement | undefined;
  /** A lane that is silent for so long is killed. */
  readonly hangMs?: number;
}

export interface LanesEvents {
  /** Asked for once it is known which cascades load: the plans with which lanes start. */
  plans(usable: readonly Cascade[]): readonly NumberedPlan[];
  attach(lane: Lane): void;
  detach(lane: Lane, death: LaneDeath): void;
  results(lane: Lane, message: Extract<FromLane, { type: 'results' }>): void;
  /** @param cpuMs processor time since the last call */
  used(lane: Lane, cpuMs: number): void;
  broken(error: ConfigError): void;
}

/** A lane that dies while it starts is started again after this long, doubled each time up to the limit. */
const BACKOFF_MS = 250;
const LONGEST_BACKOFF_MS = 5000;
/** A lane that dies so often before it was ever warm will not get warm: the start fails. */
const START_TRIES = 5;

export class Lanes {
  readonly #options: LanesOptions;
  readonly #events: LanesEvents;
  readonly #lanes: (Lane | undefined)[];
  readonly #failures: number[];
  #cascades: readonly Cascade[];
  #facts: Facts | undefined;
  #survey: Survey<Lane> | undefined;
  readonly #timers = new Set<NodeJS.Timeout>();
  #closing = false;
  #warm: { readonly done: () => void; readonly failed: (error: Error) => void } | undefined;

  constructor(options: LanesOptions, events: LanesEvents) {
    this.#options = options;
    this.#events = events;
    this.#cascades = options.cascades;
    this.#lanes = Array.from({ length: options.count });
    this.#failures = Array.from({ length: options.count }, () => 0);
  }

  /**
   * Resolves when every lane is ready.
   * @throws RequestError shutting_down when closed before that; StartError when a lane dies again and again; ConfigErrors, when
   *   strict, for cascades that do not load
   */
  async start(): Promise<void> {
    const ready = new Promise<void>((done, failed) => {
      this.#warm = { done, failed };
    });
    for (const number of this.#lanes.keys()) this.#spawn(number);
    await ready;
  }

  /** Facts of the usable cascades, by name; empty until the lanes have measured them. */
  get facts(): Readonly<Record<string, CascadeFacts>> {
    return this.#facts?.cascades ?? {};
  }

  /** What is known of these cascades: those of them that are here, with the same files. */
  known(cascades: readonly Cascade[]): Facts | undefined {
    if (this.#facts === undefined) return undefined;
    const here = new Set(this.#cascades.map((cascade) => JSON.stringify(cascade)));
    // A file without a copy may have changed under its name.
    const isSame = (each: Cascade) =>
      here.has(JSON.stringify(each)) &&
      each.rungs.every(({ stages }) => stages.every((stage) => stage.copy !== undefined));
    const same = cascades.filter(isSame).map(({ name }) => [name, this.facts[name]!] as const);
    return { cascades: Object.fromEntries(same), decode: this.#facts.decode };
  }

  /** Undefined until all is measured. */
  get measured(): Facts | undefined {
    return this.#facts;
  }

  /** Tells every lane of further plans, and of those that no job will name again. */
  changePlans(added: readonly NumberedPlan[], retired: readonly number[]): void {
    if (added.length + retired.length === 0) return;
    for (const lane of this.alive) lane.changePlans(added, retired);
  }

  /** Those that have not died. */
  get alive(): readonly Lane[] {
    return this.#lanes.filter((lane) => lane !== undefined && lane.state !== 'dead') as Lane[];
  }

  count(state: LaneState): number {
    return this.#lanes.filter((lane) => (lane?.state ?? 'dead') === state).length;
  }

  /** Ends every lane; idempotent. */
  close(): void {
    this.#closing = true;
    this.#warm?.failed(new RequestError('shutting_down', 'closed before every lane was warm'));
    for (const timer of this.#timers) clearTimeout(timer);
    for (const lane of this.#lanes) lane?.kill('closed');
  }

  #spawn(number: number): void {
    if (this.#closing) return;
    const events = {
      loaded: (lane: Lane, loaded: Loaded) => this.#loaded(lane, loaded),
      measured: (lane: Lane, measured: Measured) => this.#measured(lane, measured),
      ready: (lane: Lane) => this.#ready(lane),
      results: (lane: Lane, message: Extract<FromLane, { type: 'results' }>) => this.#events.results(lane, message),
      used: (lane: Lane, cpuMs: number) => this.#events.used(lane, cpuMs),
      died: (lane: Lane, death: LaneDeath) => this.#died(lane, death),
    };
    const { limits, confinement, hangMs } = this.#options;
    try {
      const counts = number === 0 && this.#facts === undefined && this.#cascades.some((each) => !this.#isKnown(each));
      const work = { cascades: this.#cascades, limits, counts };
      this.#lanes[number] = new Lane(number, events, work, confinement, hangMs);
    } catch (error) {
      // No memory or no process number for one more: later there may be.
      this.#retry(number, (error as Error).message);
    }
  }

  #isKnown({ name }: Cascade): boolean {
    return this.#options.known?.cascades[name] !== undefined;
  }

  #loaded(lane: Lane, { broken, macs = {} }: Loaded): void {
    if (this.#facts !== undefined) {
      const [lost] = broken;
      if (lost === undefined) this.#startLane(lane);
      else this.#refuse(lane, lost);
      return;
    }
    // What this lane is the first to find broken: only the one that counts finds operators that cannot be counted.
    const here = broken.filter(({ cascade }) => this.#cascades.some(({ name }) => name === cascade));
    if (!this.#leavesOut(here)) return;
    this.#survey ??= new Survey(this.#cascades, this.#options.known);
    for (const { cascade } of here) this.#survey.leaveOut(cascade);
    this.#survey.counted(macs);
    this.#measureNext(lane);
    this.#startMeasured();
  }

  /** False where none may be left out. */
  #leavesOut(broken: readonly BrokenCascade[]): boolean {
    if (broken.length > 0 && this.#options.strict) {
      this.#warm?.failed(new ConfigErrors(broken.map(({ file, key, reason }) => new ConfigError(file, key, reason))));
      return false;
    }
    for (const { file, key, reason, cascade } of broken)
      this.#events.broken(new ConfigError(file, key, `${reason} (cascade ${cascade} is left out)`));
    this.#cascades = this.#cascades.filter((cascade) => !broken.some((b) => b.cascade === cascade.name));
    return true;
  }

  #measureNext(lane: Lane): void {
    const part = this.#survey?.next(lane);
    if (part !== undefined) lane.measure(part);
  }

  /** A cascade that the other lanes serve does not load any more: without it this lane would die of its first picture. */
  #refuse(lane: Lane, { file, key, reason, cascade }: BrokenCascade): void {
    this.#events.broken(new ConfigError(file, key, `${reason} (the lane is started again until ${cascade} loads)`));
    lane.kill(`cannot load ${cascade}`);
  }

  #measured(lane: Lane, measured: Measured): void {
    this.#survey!.done(lane, measured);
    this.#measureNext(lane);
    this.#startMeasured();
  }

  /** When all is measured. */
  #startMeasured(): void {
    this.#facts = this.#survey?.facts;
    if (this.#facts === undefined) return;
    for (const each of this.#lanes) if (each?.state === 'loaded') this.#startLane(each);
  }

  #startLane(lane: Lane): void {
    lane.start(this.#facts!, this.#events.plans(this.#cascades));
  }

  #ready(lane: Lane): void {
    this.#failures[lane.number] = 0;
    this.#events.attach(lane);
    if (this.count('ready') === this.#lanes.length) this.#warm?.done();
  }

  #died(lane: Lane, death: LaneDeath): void {
    if (this.#closing) return;
    this.#events.detach(lane, death);
    this.#survey?.lost(lane);
    if (this.#facts === undefined)
      for (const other of this.alive) if (other.state === 'loaded') this.#measureNext(other);
    this.#retry(lane.number, death.cause);
  }

  #retry(number: number, cause: string): void {
    const failures = this.#failures[number]!++;
    if (failures + 1 >= START_TRIES) this.#warm?.failed(new StartError(`a lane does not start: ${cause}`));
    // A lane that worked is replaced at once: only one that keeps dying has to wait.
    const delayMs = failures === 0 ? 0 : Math.min(LONGEST_BACKOFF_MS, BACKOFF_MS * 2 ** failures);
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      this.#spawn(number);
    }, delayMs);
    this.#timers.add(timer);
  }
}
