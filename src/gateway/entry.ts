/** A request that the dispatcher holds, from its dispatch until a lane has answered for its place. */

import type { RequestError } from '../errors.js';
import type { Job, JobAnswer } from '../lane/messages.js';
import { type Priority, USUAL_PRIORITY } from '../priority.js';
import type { Journey } from './journey.js';

/** What is to be done, and for a sampled request where its times are noted. */
export interface Dispatched extends Omit<Job, 'id' | 'trace' | 'priority'> {
  /** Default: interactive. */
  readonly priority?: Priority | undefined;
  readonly journey?: Journey | undefined;
  /** As `Ask`; default: none. */
  readonly goalMs?: number | undefined;
  /** Of a request with several pictures, which was judged when it was let in: those before this one are its own. */
  readonly oneOfMany?: boolean | undefined;
}

export interface Entry {
  readonly job: Job;
  readonly journey: Journey | undefined;
  readonly resolve: (answer: JobAnswer) => void;
  readonly reject: (error: RequestError) => void;
  /** Gives back what it held. */
  readonly done: () => void;
  /** Lanes that died with this request on board, and those of them in which it was alone. */
  deaths: number;
  deathsAlone: number;
  /** Of these deaths, how many were known when it came in. */
  readonly known: number;
  /** Work that nobody waits for: it may be lost. */
  readonly idle: boolean;
  /** The caller has been told something, or left: what the lane says of it counts only for its place. */
  settled: boolean;
}

export function jobOf(id: number, request: Dispatched): Job {
  const { journey, goalMs: _, oneOfMany: __, priority = USUAL_PRIORITY, ...asked } = request;
  const job = { ...asked, id, priority };
  return journey === undefined ? job : { ...job, trace: journey.context };
}

/** Tells the caller, once. */
export function settle(entry: Entry, outcome: JobAnswer | RequestError): void {
  if (entry.settled) return;
  entry.settled = true;
  entry.done();
  if (outcome instanceof Error) entry.reject(outcome);
  else entry.resolve(outcome);
}
