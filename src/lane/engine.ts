/**
 * What a lane does with its pictures: each waits in the queue of its next stage (`stage-queues`), is run there with others, and is
 * answered or goes on: survivors of different requests meet again at each stage.
 */

import { setImmediate as turn } from 'node:timers/promises';
import type { StageFacts } from '../cascade/cascade.js';
import { RequestError } from '../errors.js';
import { decide, type Reason, surest } from '../policy/decide.js';
import { entryLeg } from '../policy/entry.js';
import type { Plan } from '../policy/plan.js';
import { probabilities } from '../policy/score.js';
import { DecodeQueue } from './decode-queue.js';
import { type Visit, visitsOf } from './decode-side.js';
import { imageTensor, type LoadedCascade } from './loaded.js';
import type { BatchRun, Facts, Job, JobResult, LaneLimits, NumberedPlan } from './messages.js';
import { tracedRun } from './notes.js';
import { Picture } from './picture.js';
import { rowData, stack } from './session.js';
import { type StageQueue, StageQueues } from './stage-queues.js';
import { answerOf, newTraveller, pass, type Traveller, timingsOf } from './traveller.js';

/** Reports of the engine: each picture's result, each run, and each decode. */
export interface EngineEvents {
  result(result: JobResult): void;
  run(batch: number, ms: number): void;
  decode(ms: number): void;
  /** A run with a sampled picture in it; follows its `run`. */
  traced(run: BatchRun): void;
}

export class Engine {
  readonly #cascades: ReadonlyMap<string, LoadedCascade>;
  readonly #facts: Facts;
  /** By the number that jobs name. */
  readonly #plans = new Map<number, Plan>();
  /** By plan and leg: the sides that are needed from there on. A picture on board outlives the retirement of its plan. */
  readonly #visits = new WeakMap<Plan, readonly (readonly Visit[])[]>();
  readonly #events: EngineEvents;
  readonly #decoder: DecodeQueue;
  readonly #maxPixels: number;
  readonly #queues: StageQueues;
  readonly #travellers = new Map<number, Traveller>();
  /** Pictures of priority `interactive` on board. */
  #interactive = 0;
  #running = false;

  constructor(
    cascades: ReadonlyMap<string, LoadedCascade>,
    facts: Facts,
    plans: readonly NumberedPlan[],
    limits: LaneLimits,
    events: EngineEvents,
  ) {
    this.#cascades = cascades;
    this.#facts = facts;
    this.#events = events;
    this.#maxPixels = limits.maxPixels;
    this.#decoder = new DecodeQueue(limits.decoders, () => this.#standsBack);
    this.add(plans);
    this.#queues = new StageQueues(cascades, facts);
  }

  /** For how long the oldest decode of now has been at it. */
  get decodingMs(): number {
    return this.#decoder.oldestMs;
  }

  add(plans: readonly NumberedPlan[]): void {
    for (const { id, plan } of plans) {
      const sides = this.#cascades.get(plan.cascade)!.cascade.rungs.map(({ resolution }) => resolution);
      this.#plans.set(id, plan);
      this.#visits.set(plan, visitsOf(plan, sides));
    }
  }

  /** No further job names these. */
  retire(ids: readonly number[]): void {
    for (const id of ids) this.#plans.delete(id);
  }

  submit(job: Job): void {
    const plan = this.#plans.get(job.plan)!;
    const { kernel } = this.#cascades.get(plan.cascade)!.cascade.input;
    const traveller = newTraveller(
      job,
      plan,
      new Picture(job.image, { kernel, maxPixels: this.#maxPixels }, job.raw),
      Date.now(),
    );
    this.#travellers.set(job.id, traveller);
    if (job.priority === 'interactive') this.#interactive++;
    if (Number.isFinite(job.deadlineAt)) this.#watch(traveller);
    this.#enterRung(traveller);
  }

  /** One that waits in a queue or for a decoder answers in time too. Timers may be early, and clocks are set. */
  #watch(traveller: Traveller): void {
    const again = () => {
      if (!this.#dropped(traveller)) this.#watch(traveller);
    };
    traveller.timer = setTimeout(again, Math.max(0, traveller.answerBy - Date.now()) + 1);
  }

  /**
   * Batch starts no decode and no run beside an interactive picture, except in its turns: the lane's threads share a core, and a run
   * cannot be stopped.
   */
  get #standsBack(): boolean {
    return this.#interactive > 0;
  }

  /** Drops a picture: at once, or when the decode is over that it is in. */
  cancel(id: number): void {
    const traveller = this.#travellers.get(id);
    if (traveller !== undefined) this.#abandon(traveller, new RequestError('client_gone', 'the caller left'));
  }

  #enterRung(traveller: Traveller): void {
    const loaded = this.#cascades.get(traveller.plan.cascade)!;
    const visits = this.#visits.get(traveller.plan)![traveller.at.leg]!;
    const { side } = visits[0]!;
    const ready = traveller.picture.ready(side);
    if (ready !== undefined) {
      this.#hold(traveller, loaded, side, ready);
      return;
    }
    const wanted = () => !this.#dropped(traveller);
    const { notes } = traveller;
    notes?.waits();
    const pixels = () => {
      traveller.isDecoding = true;
      return this.#pixels(traveller, visits);
    };
    const work = notes === undefined ? pixels : () => notes.decode(side, pixels);
    this.#decoder.run(work, wanted, traveller.job.priority).then(
      (done) => {
        if (done === undefined) return;
        traveller.isDecoding = false;
        traveller.decodeMs += done.ms;
        this.#events.decode(done.ms);
        if (traveller.abandoned !== undefined) this.#fail(traveller, traveller.abandoned);
        // The rule of entry sends it to another rung, whose side it does not have yet.
        else if (done.result === undefined) this.#enterRung(traveller);
        else this.#hold(traveller, loaded, side, done.result);
      },
      (error: unknown) => this.#fail(traveller, traveller.abandoned ?? error),
    );
  }

  /** Undefined when the picture was moved to another leg by its content. */
  async #pixels(traveller: Traveller, visits: readonly Visit[]): Promise<Uint8Array | undefined> {
    const { job, picture, plan } = traveller;
    const pixels = await picture.pixels(visits, this.#facts.decode);
    if ((plan.entry === undefined && !job.explain) || traveller.content !== undefined) return pixels;
    traveller.content = await picture.content();
    const leg = entryLeg(plan.entry, traveller.content);
    if (leg === 0) return pixels;
    traveller.at = { leg, stage: 0 };
    return undefined;
  }

  #hold(traveller: Traveller, loaded: LoadedCascade, side: number, pixels: Uint8Array): void {
    const tensor = imageTensor(loaded.cascade, side, pixels);
    traveller.held = new Map([[loaded.cascade.input.tensor, { tensor, index: 0 }]]);
    this.#enqueue(traveller, loaded);
  }

  #enqueue(traveller: Traveller, loaded: LoadedCascade): void {
    traveller.notes?.waits();
    this.#queues.push(traveller, loaded, performance.now());
    if (!this.#running) void this.#serve();
  }

  async #serve(): Promise<void> {
    this.#running = true;
    for (;;) {
      const run = this.#queues.take(performance.now(), this.#standsBack, (traveller) =>
        this.#travellers.has(traveller.job.id),
      );
      if (run === undefined) break;
      const { queue } = run;
      const runMs = run.pictures.length * this.#factsOf(queue).ms;
      const batch = run.pictures.filter((traveller) => !this.#dropped(traveller, runMs));
      if (batch.length > 0) await this.#run(queue, batch).catch((error) => this.#failAll(batch, error));
      // Lets new pictures, finished decodes and cancellations in between two runs.
      await turn();
    }
    this.#running = false;
  }

  async #run(queue: StageQueue, batch: readonly Traveller[]): Promise<void> {
    const rung = queue.loaded.cascade.rungs[queue.rung]!;
    const stage = rung.stages[queue.stage]!;
    const feeds = new Map(stage.inputs.map((name) => [name, stack(batch.map((t) => t.held.get(name)!))]));
    const from = performance.now();
    const out = await queue.loaded.sessions[queue.rung]![queue.stage]!.run(feeds);
    const ms = performance.now() - from;
    this.#events.run(batch.length, ms);
    const traced = tracedRun(queue.id, batch, from, ms);
    if (traced !== undefined) this.#events.traced(traced);
    const { macs } = this.#factsOf(queue);
    for (const [index, traveller] of batch.entries()) {
      const logits = rowData({ tensor: out.logits, index });
      const p = probabilities(logits, stage.temperature);
      for (const [name, tensor] of out.features) traveller.held.set(name, { tensor, index });
      traveller.macs += macs;
      traveller.runMs += ms;
      traveller.inferenceMs += ms / batch.length;
      if (Number.isNaN(p[0])) {
        this.#fail(traveller, new RequestError('internal', `${stage.file} gives logits that are no numbers`));
        continue;
      }
      if (traced !== undefined) traveller.notes?.ran(traced, macs);
      pass(traveller, p, traveller.job.logits ? logits.map((z) => z / stage.temperature) : undefined);
      this.#advance(traveller, queue.loaded);
    }
  }

  #advance(traveller: Traveller, loaded: LoadedCascade): void {
    if (this.#dropped(traveller)) return;
    const { plan, passed } = traveller;
    const means = { leftMs: traveller.answerBy - Date.now(), spentMacs: traveller.macs };
    const step = decide(plan, this.#facts.cascades[plan.cascade]!, passed, means);
    if (step.kind === 'answer') {
      this.#answer(traveller, step.exit, step.reason);
      return;
    }
    const climbs = step.next.leg !== traveller.at.leg;
    traveller.at = step.next;
    if (climbs) this.#enterRung(traveller);
    else this.#enqueue(traveller, loaded);
  }

  #factsOf({ loaded, rung, stage }: StageQueue): StageFacts {
    return this.#facts.cascades[loaded.cascade.name]![rung]![stage]!;
  }

  /**
   * True when the picture needs no more work: it has left, or its deadline passed (then it is answered here).
   * @param aheadMs what is next takes so long: one that has an answer does not risk it
   */
  #dropped(traveller: Traveller, aheadMs = 0): boolean {
    if (!this.#travellers.has(traveller.job.id) || traveller.abandoned !== undefined) return true;
    const { passed, answerBy } = traveller;
    if (Date.now() + (passed.length > 0 ? aheadMs : 0) < answerBy) return false;
    if (passed.length > 0) this.#answer(traveller, surest(passed), 'deadline');
    else {
      const detail = 'the deadline passed before any exit had an answer';
      this.#abandon(traveller, new RequestError('deadline_exceeded', detail));
    }
    return true;
  }

  /** It ends without an answer. One that is being decoded stays on board until that is over: should the lane die of it, it is to blame. */
  #abandon(traveller: Traveller, error: RequestError): void {
    if (traveller.isDecoding) traveller.abandoned ??= error;
    else this.#fail(traveller, error);
  }

  #answer(traveller: Traveller, exit: number, reason: Reason): void {
    this.#leave(traveller);
    this.#events.result(answerOf(traveller, exit, reason));
  }

  #leave(traveller: Traveller): void {
    const { id, priority } = traveller.job;
    this.#travellers.delete(id);
    traveller.picture.free();
    clearTimeout(traveller.timer);
    if (priority === 'batch' || --this.#interactive > 0) return;
    this.#decoder.wake();
    if (!this.#running) void this.#serve();
  }

  #failAll(batch: readonly Traveller[], error: unknown): void {
    for (const traveller of batch) this.#fail(traveller, error);
  }

  #fail(traveller: Traveller, error: unknown): void {
    if (!this.#travellers.has(traveller.job.id)) return;
    this.#leave(traveller);
    const known = error instanceof RequestError ? error : new RequestError('internal', String(error));
    const { code, detail } = known;
    const { job, decodeMs, inferenceMs } = traveller;
    this.#events.result({ id: job.id, ok: false, code, detail, decodeMs, inferenceMs, ...timingsOf(traveller) });
  }
}
